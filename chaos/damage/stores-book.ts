/**
 * Writes a checkpoint into both stores, on a real disk with the real LevelDB, and keeps a book of
 * it: every commit's contents as the judge wrote them, the newest receipt as the log would hold it,
 * and a copy of the directory after each commit.
 */
import { cp, mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import type { Dice } from '../kill/dice.ts'

export const HOST = { fs: nodeFileSystem, stores: nodeStores }
export const IDENTITY = new Uint8Array(16).fill(0x42)
export const STORES = ['checkpoint-a', 'checkpoint-b'] as const
export type StoreName = (typeof STORES)[number]

export interface StoresBook {
  /** Directory of the newest commit, and of those before it, newest first. */
  readonly newest: string
  readonly older: readonly string[]
  /** A checkpoint of another data directory. */
  readonly foreign: string
  readonly contents: ReadonlyMap<string, string>
  readonly receipt: { readonly time: number; readonly commit: number; readonly digest: Uint8Array }
  /** Data files of each store of `newest`; LOG and LOCK are left out: nobody reads them. */
  readonly files: ReadonlyMap<StoreName, ReadonlyMap<string, Uint8Array>>
}

export interface StoresWish {
  readonly lives: number
  readonly commits: number
  readonly keys: number
  readonly puts: number
  readonly valueBytes: number
  /** Started and stopped once more, which moves LevelDB's log into a table; else as killed. */
  readonly rested: boolean
}

export async function writeStores(base: string, dice: Dice, wish: StoresWish): Promise<StoresBook> {
  await mkdir(base, { recursive: true })
  const foreign = join(base, 'foreign')
  await writeLives(foreign, dice, wish, new Uint8Array(16).fill(0x77))
  const directory = join(base, 'work')
  const { contents, receipt, copies } = await writeLives(directory, dice, wish, IDENTITY)
  const [killed, ...before] = copies.toReversed()
  if (killed === undefined) throw new Error('a book has commits')
  const newest = join(base, 'newest')
  await cp(killed, newest, { recursive: true })
  if (wish.rested) await (await open(newest, IDENTITY, false)).checkpoint.close()
  const files = new Map<StoreName, ReadonlyMap<string, Uint8Array>>()
  for (const store of STORES) files.set(store, await dataFiles(join(newest, store)))
  return { newest, older: before, foreign, contents, receipt, files }
}

async function writeLives(
  directory: string,
  dice: Dice,
  wish: StoresWish,
  identity: Uint8Array,
): Promise<Pick<StoresBook, 'contents' | 'receipt'> & { copies: string[] }> {
  const contents = new Map<string, string>()
  const copies: string[] = []
  let receipt = { time: 0, commit: 0, digest: new Uint8Array(16) }
  for (let life = 0; life < wish.lives; life++) {
    const { checkpoint } = await open(directory, identity, life === 0)
    for (let i = 0; i < wish.commits; i++) {
      const commit = checkpoint.root.number + 1
      const puts = new Map<string, string>()
      while (puts.size < wish.puts) puts.set(`k${String(dice.below(wish.keys))}`, text(dice, wish))
      const deletes = [...contents.keys()].filter((k) => !puts.has(k) && dice.below(20) === 0)
      const root = await checkpoint.commit({
        time: commit * 1000,
        epoch: life + 1,
        logPosition: commit * 100,
        puts: [...puts].map(([key, value]) => ({ key, value: new TextEncoder().encode(value) })),
        deletes,
      })
      for (const key of deletes) contents.delete(key)
      for (const [key, value] of puts) contents.set(key, value)
      receipt = { time: commit * 1000, commit, digest: root.digest as Uint8Array<ArrayBuffer> }
      copies.push(`${directory}-${String(commit)}`)
      await cp(directory, `${directory}-${String(commit)}`, { recursive: true })
    }
    await checkpoint.close()
  }
  return { contents, receipt, copies }
}

const open = (directory: string, identity: Uint8Array, create: boolean) =>
  openCheckpoint(HOST, { directory, identity, create })

const text = (dice: Dice, { valueBytes }: StoresWish): string =>
  String(dice.below(1e9)).padEnd(1 + dice.below(valueBytes), String(dice.next()))

export async function dataFiles(path: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of (await readdir(path)).sort()) {
    if (/^(CURRENT|MANIFEST-\d+|\d+\.(ldb|sst|log))$/.test(name)) {
      // A Buffer's `slice` does not copy.
      files.set(name, new Uint8Array(await readFile(join(path, name))))
    }
  }
  return files
}
