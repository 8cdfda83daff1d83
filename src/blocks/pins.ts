/**
 * What keeps the log from getting shorter: the one account that `inspect`, the admin API and the
 * message of a pause show. Pure.
 */
import type { Tracker } from './tracker.ts'

export interface Pin {
  /**
   * 'waiting': blocks of a stream that no batch has. 'batch': a batch that is not committed.
   * 'publication': a batch that is committed, and whose outputs are not known to be published.
   */
  readonly kind: 'waiting' | 'batch' | 'publication'
  /** The oldest position it needs. */
  readonly from: number
  readonly blocks: number
  readonly records: number
  /** Of the blocks themselves. */
  readonly bytes: number
  /** Of a batch, ms since the epoch. */
  readonly time?: number
  /** Of waiting blocks: the number of the input in the log. */
  readonly streamId?: number
}

/** Oldest first. `committed`: the time of the last committed batch. */
export function pinsOf(
  tracker: Pick<Tracker, 'waitingStreams' | 'unallocated' | 'uncommitted'>,
  committed: number,
): readonly Pin[] {
  const waiting = tracker.waitingStreams.map((streamId): Pin => {
    const blocks = tracker.unallocated(streamId)
    return { kind: 'waiting', streamId, ...sumOf(blocks), from: blocks[0]?.ref.position ?? 0 }
  })
  const batches = tracker.uncommitted().map(({ time, position, streams }): Pin => {
    const blocks = streams.flatMap((stream) => stream.blocks)
    const from = Math.min(position, ...streams.map((s) => s.blocks[0]?.ref.position ?? position))
    return { kind: time <= committed ? 'publication' : 'batch', time, ...sumOf(blocks), from }
  })
  return [...waiting, ...batches].sort((a, b) => a.from - b.from)
}

function sumOf(
  blocks: readonly { readonly records: number; readonly bytes: number }[],
): Pick<Pin, 'blocks' | 'records' | 'bytes'> {
  let records = 0
  let bytes = 0
  for (const block of blocks) {
    records += block.records
    bytes += block.bytes
  }
  return { blocks: blocks.length, records, bytes }
}

/** `batch 2026-… (not committed: 3 blocks, 120 records)` */
export function pinWords(pin: Pin, names: ReadonlyMap<number, string> = new Map()): string {
  const holds = `${String(pin.blocks)} blocks, ${String(pin.records)} records`
  const from = `from position ${String(pin.from)}`
  if (pin.kind === 'waiting') {
    const name = names.get(pin.streamId ?? -1) ?? String(pin.streamId ?? -1)
    return `input '${name}' (no batch has them yet: ${holds}, ${from})`
  }
  const batch = `batch ${new Date(pin.time ?? 0).toISOString()}`
  const why = pin.kind === 'batch' ? 'not committed' : 'committed, not known to be published'
  return `${batch} (${why}: ${holds}, ${from})`
}
