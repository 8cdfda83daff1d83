/**
 * The blocks that wait, merged into the order in which they were stored. Pure.
 */
import type { RecordRef } from '../../wal/record.ts'
import type { BlockFormat, Producer } from './events.ts'

export interface StoredBlock {
  readonly ref: RecordRef
  readonly streamId: number
  readonly format: BlockFormat
  readonly records: number
  /** Length of the block itself. */
  readonly bytes: number
  readonly producer?: Producer
  readonly receivedAt: number
}

/**
 * The oldest of all queues, each in the order of the log: up to `bytesMax` bytes in sum and
 * `blocksMax` blocks, but at least one block if there is one.
 */
export function oldestOf(
  queues: readonly ReadonlyMap<number, StoredBlock>[],
  bytesMax: number,
  blocksMax: number,
): readonly StoredBlock[] {
  const heads = queues.map((queue) => queue.values())
  const next = heads.map((head) => head.next().value)
  const blocks: StoredBlock[] = []
  let bytes = 0
  for (;;) {
    const first = indexOfOldest(next)
    const block = next[first]
    if (block === undefined) return blocks
    bytes += block.bytes
    if (blocks.length > 0 && (bytes > bytesMax || blocks.length >= blocksMax)) return blocks
    blocks.push(block)
    next[first] = heads[first]?.next().value
  }
}

function indexOfOldest(blocks: readonly (StoredBlock | undefined)[]): number {
  let oldest = -1
  for (const [i, block] of blocks.entries()) {
    if (block === undefined) continue
    const best = blocks[oldest]
    if (best === undefined || block.ref.position < best.ref.position) oldest = i
  }
  return oldest
}
