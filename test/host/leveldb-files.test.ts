/** LevelDB's own checksums, on files that the real LevelDB wrote. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableFault, tablesIn } from '../../src/host/leveldb-files.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { unsnap } from '../../src/host/snappy.ts'
import { codeOf } from './stores-contract.ts'

let base: string
let tables: string[]
const path = (name: string): string => join(base, 'store', name)
/** A Buffer's `slice` does not copy. */
const read = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(path(name)))

/** Several lives: tables of repeated and of random bytes, of one block and of many. */
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'millrace-leveldb-'))
  for (let life = 0; life < 4; life++) {
    const store = await nodeStores.open(path('.'), { create: life === 0 })
    const operations = Array.from({ length: life === 3 ? 200 : 4 }, (_, i) => ({
      kind: 'put' as const,
      key: `key ${String(life)} ${String(i)}`,
      value: new Uint8Array(40).map((_byte, at) => (i % 2 === 0 ? 7 : (i * 131 + at * at) % 251)),
    }))
    await store.batch(operations, { sync: true })
    await store.close()
  }
  await (await nodeStores.open(path('.'), { create: false })).close()
  tables = (await readdir(path('.'))).filter((name) => name.endsWith('.ldb')).sort()
})
afterAll(async () => {
  await rm(base, { recursive: true })
})

describe('the tables of a store', () => {
  it('are those its manifest lists', async () => {
    const current = (await readFile(path('CURRENT'), 'latin1')).trimEnd()
    const listed = [...tablesIn(await read(current))].sort((a, b) => a - b)
    expect(listed.length).toBeGreaterThan(2)
    expect(listed).toEqual(tables.map((name) => Number.parseInt(name, 10)))
  })

  it('are found whole', async () => {
    for (const name of tables) expect(tableFault(await read(name)), name).toBeUndefined()
  })

  it('are found damaged by every flipped bit but those of the footer’s padding', async () => {
    const bytes = await read(tables[0] ?? '')
    let unseen = 0
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = bytes.slice()
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      if (tableFault(flipped) === undefined) {
        expect(bit >> 3).toBeGreaterThanOrEqual(bytes.length - 48 + 4)
        expect(bit >> 3).toBeLessThan(bytes.length - 8)
        unseen += 1
      }
    }
    expect(unseen).toBeLessThan(40 * 8)
  })

  it('are found damaged at every length', async () => {
    for (const name of tables) {
      const bytes = await read(name)
      const step = Math.max(1, Math.floor(bytes.length / 500))
      for (let length = 0; length < bytes.length; length += step) {
        expect(tableFault(bytes.subarray(0, length)), `${name} ${String(length)}`).toBeDefined()
      }
    }
  })
})

/** LevelDB 1.20 ended the process here: `internal_key.size() >= 8' failed. */
it('a damaged table is an error, and no assertion of LevelDB ends the process', async () => {
  const copy = join(base, 'copy')
  const bytes = await read(tables[0] ?? '')
  for (let at = 0; at < bytes.length - 48; at += 5) {
    await cp(path('.'), copy, { recursive: true })
    const damaged = bytes.slice()
    damaged.fill(0, at, at + 5)
    await writeFile(join(copy, tables[0] ?? ''), damaged)
    const code = await codeOf(nodeStores.open(copy, { create: false }))
    expect(code, `byte ${String(at)}`).toBe('MR_CHECKPOINT_DAMAGED')
    await rm(copy, { recursive: true })
  }
})

it('half a table that no manifest lists is no damage: a killed compaction leaves one', async () => {
  const copy = join(base, 'copy')
  await cp(path('.'), copy, { recursive: true })
  await writeFile(join(copy, '000900.ldb'), new Uint8Array(100))
  await (await nodeStores.open(copy, { create: false })).close()
  await rm(copy, { recursive: true })
})

describe('Snappy', () => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
  it('is literals and copies, which may overlap what they write', () => {
    // 10 bytes: the literal "ab", a copy of 7 from 2 back, the literal "!".
    const block = Uint8Array.of(10, 0x04, 97, 98, 0x0d, 2, 0x00, 33)
    expect(unsnap(block)).toEqual(bytes('ababababa!'))
  })
  it('is undefined for what is none', () => {
    expect(unsnap(new Uint8Array(0))).toBeUndefined()
    expect(unsnap(Uint8Array.of(3, 0x04, 97))).toBeUndefined()
    expect(unsnap(Uint8Array.of(4, 0x01, 0))).toBeUndefined()
    expect(unsnap(Uint8Array.of(255, 255, 255, 255, 255, 255))).toBeUndefined()
  })
})
