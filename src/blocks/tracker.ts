/**
 * Which blocks wait, which belong to which batch, and up to where batches are committed: a fold
 * over the log. Pure: no clock, no chance, no input or output; the same events give the same
 * tracker.
 *
 * Invariants
 * - Events change it only after they are in the log; the log hands them over in order, at replay
 *   and while running.
 * - A block is in at most one batch: the first allocation wins. A batch is allocated once, in
 *   growing time.
 * - An addition at or below its producer's mark was stored before (its reply was lost): it never
 *   reaches a batch.
 * - Nothing at or above `pinnedFrom` may leave the log.
 * Replay may begin at any segment that is the oldest retained: what its snapshot counts and the log
 * no longer holds has to be allocated and cleaned by the end of the replay (guard: `checkWhole`).
 */
import { equalBytes } from '../base/bytes.ts'
import { payloadBytes } from '../../wal/group-format.ts'
import type { RecordRef } from '../../wal/record.ts'
import { encodeEvent } from './events.ts'
import type { BatchAllocation, BatchCleanup, BlockAddition } from './events.ts'
import type { Range, Snapshot, TrackerEvent } from './events.ts'
import { oldestOf, type StoredBlock } from './oldest-blocks.ts'
import { ProducerMarks, PRODUCERS_MAX } from './producer-marks.ts'
import { contradiction, ReplayDebt } from './replay-debt.ts'

/** Most blocks of one batch: their positions have to fit into one record of a small segment. */
const BLOCKS_MAX = 50_000

export interface Allocation {
  readonly time: number
  /** Position of its own record. */
  readonly position: number
  readonly streams: readonly StreamBlocks[]
  readonly ranges: readonly Range[]
}

export interface StreamBlocks {
  readonly streamId: number
  readonly blocks: readonly StoredBlock[]
}

export type Cleanup = Omit<BatchCleanup, 'kind'>

/** 'ignored': a block stored before, or a batch allocated before. */
export type Outcome = 'applied' | 'ignored'

interface Kept extends Allocation {
  /** Positions of blocks that the replayed log does not hold. */
  readonly missing: readonly number[]
}

export class Tracker {
  /** By stream, by position: blocks that no batch has, in the order of the log. */
  readonly #waiting = new Map<number, Map<number, StoredBlock>>()
  /** By time, ascending. */
  readonly #allocations = new Map<number, Kept>()
  readonly #marks: ProducerMarks
  /** Where the fold began, and what it owes from before. */
  #begin: number | undefined
  readonly #debt = new ReplayDebt()
  #lastAllocated: number | undefined
  #cleanup: Cleanup | undefined

  constructor(options: { readonly producersMax?: number } = {}) {
    this.#marks = new ProducerMarks(options.producersMax ?? PRODUCERS_MAX)
  }

  /** Throws MR_LOG_DAMAGED when an event contradicts what came before. */
  apply(event: TrackerEvent, ref: RecordRef): Outcome {
    if (event.kind === 'snapshot') return this.#meet(event, ref)
    this.#begin ??= ref.position
    switch (event.kind) {
      case 'addition':
        return this.#add(event, ref)
      case 'allocation':
        return this.#allocate(event, ref)
      case 'cleanup':
        return this.#clean(event)
    }
  }

  #add(event: BlockAddition, ref: RecordRef): Outcome {
    const { streamId, format, records, producer, receivedAt, bytes } = event
    if (producer !== undefined && !this.#marks.raise(streamId, producer, receivedAt)) {
      return 'ignored'
    }
    const block = { ref, streamId, format, records, bytes: bytes.length, receivedAt }
    const queue = this.#waiting.get(streamId) ?? new Map<number, StoredBlock>()
    this.#waiting.set(streamId, queue)
    queue.set(ref.position, producer === undefined ? block : { ...block, producer })
    return 'applied'
  }

  #allocate({ time, streams, ranges }: BatchAllocation, ref: RecordRef): Outcome {
    if (this.#lastAllocated !== undefined && time <= this.#lastAllocated) return 'ignored'
    const missing: number[] = []
    const taken = streams.map(({ streamId, positions }) => {
      const blocks = positions.map((position) => this.#take(streamId, position, missing))
      return { streamId, blocks: blocks.filter((block) => block !== undefined) }
    })
    const { position } = ref
    this.#allocations.set(time, { time, position, streams: taken, ranges, missing })
    this.#lastAllocated = time
    return 'applied'
  }

  #take(streamId: number, position: number, missing: number[]): StoredBlock | undefined {
    const queue = this.#waiting.get(streamId)
    const block = queue?.get(position)
    if (block !== undefined) {
      queue?.delete(position)
      return block
    }
    if (this.#isAllocated(streamId, position)) return undefined
    missing.push(position)
    if (position < (this.#begin ?? 0)) this.#debt.allocated(streamId)
    return undefined
  }

  #isAllocated(streamId: number, position: number): boolean {
    for (const { streams } of this.#allocations.values()) {
      const of = streams.find((stream) => stream.streamId === streamId)
      if (of?.blocks.some((block) => block.ref.position === position) === true) return true
    }
    return false
  }

  #clean({ time, commit, digest, keepFrom }: BatchCleanup): Outcome {
    if (this.#cleanup !== undefined && time <= this.#cleanup.time) return 'ignored'
    this.#cleanup = { time, commit, digest, keepFrom }
    for (const kept of this.#allocations.keys()) {
      if (kept < keepFrom) this.#allocations.delete(kept)
    }
    this.#debt.cleaned(keepFrom)
    return 'applied'
  }

  /**
   * The first thing the fold meets is taken over; later snapshots have to say what the fold says,
   * once it has forgotten the producers they had no room for.
   */
  #meet(snapshot: Snapshot, ref: RecordRef): Outcome {
    if (this.#begin === undefined) {
      this.#begin = ref.position
      this.#restore(snapshot)
      return 'applied'
    }
    this.#marks.dropUntil(snapshot.producersDropped)
    const [said, known] = [encodeEvent(snapshot), encodeEvent(this.snapshot())]
    const same = said.parts.every((part, i) => equalBytes(part, known.parts[i] ?? new Uint8Array()))
    if (same) return 'ignored'
    throw contradiction(
      `the snapshot at position ${String(ref.position)} differs from the events before`,
    )
  }

  #restore(snapshot: Snapshot): void {
    this.#lastAllocated = snapshot.lastAllocated ?? undefined
    this.#cleanup = snapshot.cleanup ?? undefined
    this.#marks.restore(snapshot.producers, snapshot.producersDropped)
    this.#debt.takeOver(snapshot)
  }

  /**
   * What a new segment begins with, in a record of at most `bytesMax`: the producers it has no room
   * for are forgotten, the least recently used first.
   */
  beginSegment(bytesMax: number): Snapshot {
    this.#marks.shrinkTo(
      bytesMax - payloadBytes(encodeEvent({ ...this.snapshot(), producers: [] })),
    )
    return this.snapshot()
  }

  snapshot(): Snapshot {
    const counts = new Map(this.#debt.waiting)
    for (const [streamId, queue] of this.#waiting) {
      counts.set(streamId, (counts.get(streamId) ?? 0) + queue.size)
    }
    const unallocated = [...counts]
      .filter(([, blocks]) => blocks > 0)
      .map(([streamId, blocks]) => ({ streamId, blocks }))
    return {
      kind: 'snapshot',
      lastAllocated: this.#lastAllocated ?? null,
      cleanup: this.#cleanup ?? null,
      kept: [...this.#debt.kept, ...this.#allocations.keys()].sort((a, b) => a - b),
      unallocated: unallocated.sort((a, b) => a.streamId - b.streamId),
      producers: this.#marks.list(),
      producersDropped: this.#marks.dropped,
    }
  }

  /**
   * At the end of a replay: throws MR_LOG_DAMAGED when something still needed lay in segments that
   * are gone.
   */
  checkWhole(): void {
    this.#debt.checkPaid()
    for (const { time, missing } of this.#allocations.values()) {
      if (missing.length === 0) continue
      throw contradiction(
        `batch ${String(time)} names blocks that are in no segment: ${missing.join(', ')}`,
      )
    }
  }

  /** Blocks of a stream that no batch has, in the order of the log. */
  unallocated(streamId: number): readonly StoredBlock[] {
    return [...(this.#waiting.get(streamId)?.values() ?? [])]
  }

  /** Streams that have such blocks. */
  get waitingStreams(): readonly number[] {
    return [...this.#waiting.keys()].filter((id) => (this.#waiting.get(id)?.size ?? 0) > 0)
  }

  get hasUnallocated(): boolean {
    for (const queue of this.#waiting.values()) if (queue.size > 0) return true
    return false
  }

  /**
   * The oldest waiting blocks of all streams, up to `bytesMax` bytes in sum, but at least one if
   * there is one.
   */
  oldest(bytesMax: number, blocksMax = BLOCKS_MAX): readonly StoredBlock[] {
    return oldestOf([...this.#waiting.values()], bytesMax, blocksMax)
  }

  /** undefined when the batch was never allocated, or is needed no more. */
  allocationOf(time: number): Allocation | undefined {
    return this.#allocations.get(time)
  }

  /** Blocks of a batch by stream; none for a batch that is not known. */
  blocksOf(time: number): readonly StreamBlocks[] {
    return this.#allocations.get(time)?.streams ?? []
  }

  /** Allocated and not cleaned, in the order of time. */
  uncommitted(): readonly Allocation[] {
    const committed = this.#cleanup?.time ?? -Infinity
    return [...this.#allocations.values()].filter(({ time }) => time > committed)
  }

  get lastAllocated(): number | undefined {
    return this.#lastAllocated
  }

  /** The newest cleanup. */
  get cleanup(): Cleanup | undefined {
    return this.#cleanup
  }

  /** The highest sequence stored for a producer, or -1. */
  highWater(streamId: number, producerId: string): number {
    return this.#marks.highWater(streamId, producerId)
  }

  get producersDropped(): number {
    return this.#marks.dropped
  }

  /** The smallest position that is still needed; undefined when none is. */
  get pinnedFrom(): number | undefined {
    let from = Infinity
    for (const queue of this.#waiting.values()) {
      for (const position of queue.keys()) {
        from = Math.min(from, position)
        break
      }
    }
    for (const { position, streams } of this.#allocations.values()) {
      from = Math.min(from, position)
      for (const { blocks } of streams) from = Math.min(from, blocks[0]?.ref.position ?? from)
    }
    return from === Infinity ? undefined : from
  }
}
