/**
 * What a snapshot counts and the retained log does not hold: blocks that waited and batches that
 * were kept when the oldest retained segment began. Its predecessors were released, so all of it
 * was allocated and cleaned later; the replay has to come to that conclusion too, else segments are
 * missing.
 */
import { MillraceError } from '../base/errors.ts'
import type { Snapshot } from './events.ts'

export class ReplayDebt {
  /** By stream: blocks before the beginning of the fold that no batch has yet. */
  readonly #waiting = new Map<number, number>()
  /** Batches allocated before the beginning of the fold and still kept. */
  readonly #kept = new Set<number>()

  get waiting(): ReadonlyMap<number, number> {
    return this.#waiting
  }

  get kept(): ReadonlySet<number> {
    return this.#kept
  }

  takeOver({ unallocated, kept }: Pick<Snapshot, 'unallocated' | 'kept'>): void {
    for (const { streamId, blocks } of unallocated) this.#waiting.set(streamId, blocks)
    for (const time of kept) this.#kept.add(time)
  }

  /** A batch took a block from before the beginning. */
  allocated(streamId: number): void {
    const left = (this.#waiting.get(streamId) ?? 0) - 1
    if (left < 0) {
      throw contradiction(`stream ${String(streamId)} had fewer blocks than were allocated`)
    }
    this.#waiting.set(streamId, left)
  }

  /** Batches before `keepFrom` are needed no more. */
  cleaned(keepFrom: number): void {
    for (const time of this.#kept) if (time < keepFrom) this.#kept.delete(time)
  }

  /** At the end of a replay: throws MR_LOG_DAMAGED when something is still owed. */
  checkPaid(): void {
    for (const [streamId, blocks] of this.#waiting) {
      if (blocks === 0) continue
      throw contradiction(
        `${String(blocks)} blocks of stream ${String(streamId)} are in no segment`,
      )
    }
    for (const time of this.#kept) {
      throw contradiction(`the allocation of batch ${String(time)} is in no segment`)
    }
  }
}

export const contradiction = (what: string): MillraceError =>
  new MillraceError('MR_LOG_DAMAGED', `the log contradicts itself: ${what}`)
