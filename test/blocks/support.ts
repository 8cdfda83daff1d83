/** What the tests of blocks share. */
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { FileSystem } from '../../src/host/host.ts'
import {
  openBlockStore,
  type BlockStore,
  type BlockStoreOptions,
} from '../../src/blocks/block-store.ts'
import type { BlockAddition, Producer } from '../../src/blocks/events.ts'
import { RecordReader } from '../../wal/reader.ts'
import { readBlock } from '../../src/blocks/read-block.ts'
import type { LogReport } from '../../wal/contract.ts'
import type { RecordRef } from '../../wal/record.ts'
import type { StoredBlock } from '../../src/blocks/oldest-blocks.ts'

export const DIRECTORY = '/data/log'
export const DIGEST = Uint8Array.of(1, 2, 3, 4)

export interface OpenedStore {
  readonly store: BlockStore
  readonly report: LogReport
}

export const openStore = (
  fs: FileSystem,
  options: Partial<BlockStoreOptions> = {},
): Promise<OpenedStore> =>
  openBlockStore(
    { fs, clock: new ManualClock(5000) },
    { directory: DIRECTORY, identity: new Uint8Array(16), segmentBytes: 16_384, ...options },
  )

export async function addAll(
  store: BlockStore,
  names: readonly string[],
  streamId = 1,
): Promise<void> {
  for (const name of names) {
    const parts = [new TextEncoder().encode(`${name}\n`)]
    await store.addBlock({ streamId, format: 'text', records: 1, parts })
  }
}

/** The first lines of blocks, read back from the log. */
export async function namesOf(
  fs: FileSystem,
  blocks: readonly StoredBlock[] | undefined,
): Promise<readonly string[]> {
  const reader = new RecordReader(fs, DIRECTORY)
  const texts = (blocks ?? []).map((block) =>
    Buffer.from(readBlock(reader, block.ref).bytes).toString().trimEnd(),
  )
  await reader.close()
  return texts
}

export const numbered = (name: string, count = 5): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${name}${String(i + 1)}`)

export const refAt = (position: number, segment = 1): RecordRef => ({
  position,
  segment,
  offset: position + 4096,
  length: 10,
  epoch: 1,
})

export function addition(streamId = 1, producer?: Producer, receivedAt = 0): BlockAddition {
  const block = { kind: 'addition', streamId, format: 'text', records: 1, receivedAt } as const
  const bytes = new Uint8Array(10)
  return producer === undefined ? { ...block, bytes } : { ...block, bytes, producer }
}
