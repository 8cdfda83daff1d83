/** A data directory on the real disk, made by log and checkpoint alone: every record is known. */
import { join } from 'node:path'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { openBlockStore, type BlockStore } from '../../src/blocks/block-store.ts'
import { readBlock } from '../../src/blocks/read-block.ts'
import { checkAgreement } from '../../src/engine/agreement.ts'
import { knownIdentity, openIdentity } from '../../src/engine/identity.ts'
import { encodeProgress, PROGRESS_KEY } from '../../src/engine/layout.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { witnessOf } from '../../wal/lineage.ts'
import { RecordReader } from '../../wal/reader.ts'

export const SEGMENT_BYTES = 16 * 1024

export interface Life {
  readonly blocks: BlockStore
  /** Adds a block of so many lines. */
  add(text: string, sequence?: number): Promise<void>
  /** Allocates, commits with the state `count`, cleans. `upTo`: how far the batch gets. */
  batch(time: number, upTo?: 'allocated' | 'committed'): Promise<void>
  close(): Promise<void>
}

export async function open(directory: string): Promise<Life> {
  const identity = await openIdentity(nodeHost, directory, 'world')
  const { checkpoint } = await openCheckpoint(nodeHost, {
    directory,
    identity: identity.id,
    create: identity.kind === 'new',
  })
  const { store } = await openBlockStore(nodeHost, {
    directory: join(directory, 'log'),
    identity: identity.id,
    segmentBytes: SEGMENT_BYTES,
    provenDurable: checkpoint.root.logPosition,
    witness: witnessOf(checkpoint.root),
  })
  checkAgreement(checkpoint.root, store.tracker)
  await identity.finish()
  const commit = (time: number, puts: Record<string, string>) =>
    checkpoint.commit({
      time,
      epoch: store.log.epoch,
      logPosition: store.log.durable,
      puts: [
        ...Object.entries(puts).map(([key, value]) => ({ key, value: utf8(value) })),
        {
          key: PROGRESS_KEY,
          value: encodeProgress({ zeroTime: 0, time, positions: {}, streams: { lines: 0 } }),
        },
      ],
      deletes: [],
    })
  return {
    blocks: store,
    add: async (text, sequence) => {
      await store.addBlock({
        streamId: 0,
        format: 'text',
        records: text.split('\n').length - 1,
        parts: [utf8(text)],
        ...(sequence === undefined ? {} : { producer: { id: 'p', sequence } }),
      })
    },
    batch: async (time, upTo) => {
      await store.allocate(time)
      if (upTo === 'allocated') return
      const root = await commit(time, { [`state/${String(time)}`]: `value ${String(time)}` })
      if (upTo === 'committed') return
      await store.cleanup(time, root.number, root.digest)
    },
    close: async () => {
      await store.close()
      await checkpoint.close()
    },
  }
}

/** What a start would find: texts that wait or are to be run again, by batch; state keys. */
export async function found(directory: string): Promise<{
  readonly waiting: readonly string[]
  readonly batches: Readonly<Record<number, readonly string[]>>
  readonly highWater: number
  readonly root: number
  readonly states: readonly string[]
}> {
  const identity = await knownIdentity(nodeHost.fs, directory)
  const { checkpoint } = await openCheckpoint(nodeHost, { directory, identity, create: false })
  const states: string[] = []
  for await (const [key] of checkpoint.entries('state/')) states.push(key)
  const root = checkpoint.root.number
  await checkpoint.close()
  const life = await open(directory)
  const reader = new RecordReader(nodeHost.fs, join(directory, 'log'))
  const { tracker } = life.blocks
  const text = ({ ref }: { ref: Parameters<typeof readBlock>[1] }): string =>
    utf8Text(readBlock(reader, ref).bytes).slice(0, 12)
  const waiting = tracker.unallocated(0).map(text)
  const batches = Object.fromEntries(
    tracker
      .uncommitted()
      .map(({ time, streams }) => [time, streams.flatMap((s) => s.blocks.map(text))]),
  )
  const highWater = tracker.highWater(0, 'p')
  await reader.close()
  await life.close()
  return { waiting, batches, highWater, root, states }
}
