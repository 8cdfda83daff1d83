/**
 * Places a checkpoint can lie in for a test: in memory and on disk, and stores that fail on
 * command.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import type { Host, KeyValueStore, StoreOperation, Stores } from '../../src/host/host.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { memoryStores } from '../../src/host/memory-stores.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { openCheckpoint, type Checkpoint, type CommitInput } from '../../checkpoint/checkpoint.ts'

export interface World {
  readonly host: Pick<Host, 'fs' | 'stores'>
  readonly directory: string
  dispose(): Promise<void>
}

export async function memoryWorld(): Promise<World> {
  const fs = new MemoryFileSystem()
  await fs.makeDirectory('/data')
  const host = { fs, stores: memoryStores(fs) }
  return { host, directory: '/data', dispose: () => Promise.resolve() }
}

export async function diskWorld(): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-checkpoint-'))
  const host = { fs: nodeFileSystem, stores: nodeStores }
  return { host, directory, dispose: () => rm(directory, { recursive: true }) }
}

export const IDENTITY = new Uint8Array(16).fill(0x42)

export const open = (world: World, create = false, identity = IDENTITY) =>
  openCheckpoint(world.host, { directory: world.directory, identity, create })

export function input(
  number: number,
  puts: Readonly<Record<string, string>>,
  deletes: readonly string[] = [],
): CommitInput {
  return {
    time: number * 1000,
    epoch: 1,
    logPosition: number * 10,
    puts: Object.entries(puts).map(([key, value]) => ({ key, value: utf8(value) })),
    deletes,
  }
}

export async function contents(checkpoint: Checkpoint, prefix = ''): Promise<[string, string][]> {
  const entries: [string, string][] = []
  for await (const [key, value] of checkpoint.entries(prefix)) entries.push([key, utf8Text(value)])
  return entries
}

/** Opens and closes: what a restart would find. */
export async function found(world: World) {
  const { checkpoint, report } = await open(world)
  const entries = await contents(checkpoint)
  await checkpoint.close()
  return { entries, report, root: checkpoint.root }
}

/** Changes one store behind the checkpoint's back. */
export async function tamper(
  world: World,
  name: 'checkpoint-a' | 'checkpoint-b',
  operations: readonly StoreOperation[],
): Promise<void> {
  const store = await world.host.stores.open(`${world.directory}/${name}`, { create: false })
  await store.batch(operations, { sync: true })
  await store.close()
}

/** Remembers what one store holds; call what it returns to put that old copy back. */
export async function copyOf(
  { host, directory }: Pick<World, 'host' | 'directory'>,
  name: 'checkpoint-a' | 'checkpoint-b',
): Promise<() => Promise<void>> {
  const path = `${directory}/${name}`
  const store = await host.stores.open(path, { create: false })
  const operations: StoreOperation[] = []
  for await (const [key, value] of store.entries()) {
    operations.push({ kind: 'put', key, value: value.slice() })
  }
  await store.close()
  return async () => {
    await host.fs.remove(path)
    const fresh = await host.stores.open(path, { create: true })
    await fresh.batch(operations, { sync: true })
    await fresh.close()
  }
}

export interface Failing {
  readonly stores: Stores
  /** Batches of the store whose path ends with this fail, until it is undefined again. */
  broken: string | undefined
  /** With `broken`: the batch is applied before it fails, as when only the reply is lost. */
  appliedFirst: boolean
}

export function failing(inner: Stores): Failing {
  const state: Failing = {
    broken: undefined,
    appliedFirst: false,
    stores: {
      async open(path, options) {
        const store = await inner.open(path, options)
        return failingStore(store, path, state)
      },
      repair: (path) => inner.repair(path),
    },
  }
  return state
}

function failingStore(store: KeyValueStore, path: string, state: Failing): KeyValueStore {
  return {
    get: (key) => store.get(key),
    entries: (range) => store.entries(range),
    close: () => store.close(),
    async batch(operations, options) {
      const broken = state.broken !== undefined && path.endsWith(state.broken)
      if (!broken || state.appliedFirst) await store.batch(operations, options)
      if (broken) throw new Error('the disk is wedged')
    },
  }
}
