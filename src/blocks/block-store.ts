/**
 * Blocks of received records, durable in the log, and their way into batches.
 *
 *   addBlock ─► waiting ─ allocate(t) ─► batch t ─ cleanup(t) ─► segments released
 *
 * Invariants: the tracker changes only by events that are in the log (`apply`, called by the log in
 * order); one allocation or cleanup is under way at a time, so a block is never planned into two
 * batches.
 * A crash at any line leaves a log whose fold is a state this process was in or was about to reach.
 */
import type { Log, LogOptions, LogReport } from '../../wal/contract.ts'
import { RECORD_BYTES_MAX_DEFAULT, recordLimitOf, SEGMENT_BYTES_DEFAULT } from '../../wal/limits.ts'
import { openLog } from '../../wal/log.ts'
import type { LogRecord, RecordRef } from '../../wal/record.ts'
import { segmentName } from '../../wal/segment-format.ts'
import { logDamaged, positions } from '../../wal/verdict.ts'
import { assert } from '../base/assert.ts'
import { messageOf } from '../base/errors.ts'
import type { Host } from '../host/host.ts'
import { decodeEvent, encodeAddition, encodeEvent } from './events.ts'
import type { BlockFormat, Producer, Range, TrackerEvent } from './events.ts'
import type { StoredBlock } from './oldest-blocks.ts'
import { type Keep, Retention } from './retention.ts'
import { type Allocation, Tracker } from './tracker.ts'

export type BlockStoreOptions = Omit<LogOptions, 'apply' | 'snapshot' | 'replayed'> & {
  /**
   * Called with the tracker when the log is read, and waited for, before anything is written: what
   * it rejects with refuses the log.
   */
  folded?(tracker: Tracker): Promise<void>
  /** Producers whose highest sequence is remembered; default 100,000. */
  readonly producersMax?: number
  /** How much of the log stays although nothing needs it; default nothing. */
  readonly keep?: Keep
}

export interface NewBlock {
  readonly streamId: number
  readonly format: BlockFormat
  readonly records: number
  /** Its bytes, one after the other; not to be changed before the block is stored. */
  readonly parts: readonly Uint8Array[]
  /** Blocks of one producer are to be added in the order of their sequences. */
  readonly producer?: Producer
}

export type Added =
  { readonly kind: 'stored'; readonly ref: RecordRef } | { readonly kind: 'duplicate' }

export interface AllocationLimits {
  /** Sum of the blocks' bytes; one block is taken whatever its size. Default: no limit. */
  readonly bytesMax?: number
}

/** Errors: those of `openLog`; MR_LOG_DAMAGED also where records contradict each other. */
export async function openBlockStore(
  host: Pick<Host, 'fs' | 'clock'>,
  options: BlockStoreOptions,
): Promise<{ store: BlockStore; report: LogReport }> {
  const { producersMax } = options
  const tracker = new Tracker(producersMax === undefined ? {} : { producersMax })
  const snapshotBytesMax = recordLimitOf(options.segmentBytes ?? SEGMENT_BYTES_DEFAULT)
  const ignored = new Set<number>()
  let replayed = false
  const { log, report } = await openLog(host, {
    ...options,
    apply(record) {
      const event = eventOf(options.directory, record)
      if (tracker.apply(event, record.ref) === 'applied') return
      if (replayed && event.kind === 'addition') ignored.add(record.ref.position)
    },
    snapshot: () => [encodeEvent(tracker.beginSegment(snapshotBytesMax))],
    async replayed() {
      tracker.checkWhole()
      await options.folded?.(tracker)
      replayed = true
    },
  })
  const store = new BlockStore({ log, tracker, ignored, clock: host.clock, keep: options.keep })
  await store.release()
  return { store, report }
}

/**
 * A record whose checksum holds and that is no event was written by another program, or by a defect
 * of this one.
 */
function eventOf(directory: string, { kind, payload, ref }: LogRecord): TrackerEvent {
  try {
    return decodeEvent(kind, payload)
  } catch (error) {
    const file = `${directory}/${segmentName(ref.segment)}`
    const reason = `the record is no event: ${messageOf(error)}`
    const lost = positions(ref.position, ref.position + payload.length)
    throw logDamaged({ file, offset: ref.offset, reason }, lost, error)
  }
}

/** Most that a block's head takes beside its bytes: the producer's id is the only text in it. */
const HEAD_BYTES_MAX = 2048

/** Largest block that a log with segments of this size takes. */
export const blockBytesMaxOf = (segmentBytes: number): number =>
  Math.min(RECORD_BYTES_MAX_DEFAULT, recordLimitOf(segmentBytes)) - HEAD_BYTES_MAX

export class BlockStore {
  readonly log: Log
  readonly tracker: Tracker
  readonly #clock: Pick<Host['clock'], 'now'>
  readonly #retention: Retention
  /** Positions of additions that the tracker ignored and whose callers do not know yet. */
  readonly #ignored: Set<number>
  #changing = false
  /** What a receipt made free that may not be durable yet, and where the log ended then. */
  #released: { readonly end: number; readonly upTo: number } | undefined

  constructor(parts: {
    readonly log: Log
    readonly tracker: Tracker
    readonly ignored: Set<number>
    readonly clock: Pick<Host['clock'], 'now'>
    readonly keep: Keep | undefined
  }) {
    this.log = parts.log
    this.tracker = parts.tracker
    this.#ignored = parts.ignored
    this.#clock = parts.clock
    this.#retention = new Retention(parts.keep)
    this.#retention.note(this.#clock.now(), this.log.end)
  }

  /** Bytes a second that the log grew lately. */
  get rate(): number | undefined {
    return this.#retention.rate(this.#clock.now(), this.log.end)
  }

  /** Bytes of the log from the oldest block or allocation that is still needed to its end. */
  get pinnedBytes(): number {
    return this.log.end - (this.tracker.pinnedFrom ?? this.log.end)
  }

  /**
   * Resolves when the block is durable. 'duplicate': its producer's sequence was stored before.
   * Errors: those of `Log.append`; then the block may or may not be in the log, which the next open
   * decides.
   */
  async addBlock(block: NewBlock): Promise<Added> {
    const { streamId, producer } = block
    if (producer !== undefined) {
      const highWater = this.tracker.highWater(streamId, producer.id)
      if (producer.sequence <= highWater) return { kind: 'duplicate' }
    }
    const receivedAt = Math.floor(this.#clock.now())
    const ref = await this.log.append(encodeAddition({ ...block, receivedAt }, block.parts))
    return this.#ignored.delete(ref.position) ? { kind: 'duplicate' } : { kind: 'stored', ref }
  }

  /**
   * Gives waiting blocks to the batch at `time`: the oldest of all streams up to the limit. Durable
   * when it resolves. A time at or before the last allocated one changes nothing: its allocation is
   * returned, an empty one if unknown.
   */
  async allocate(
    time: number,
    limits: AllocationLimits = {},
    ranges: readonly Range[] = [],
  ): Promise<Allocation> {
    const { lastAllocated } = this.tracker
    if (lastAllocated === undefined || time > lastAllocated) {
      const blocks = this.tracker.oldest(limits.bytesMax ?? Infinity)
      await this.#change({ kind: 'allocation', time, streams: positionsByStream(blocks), ranges })
    }
    return this.tracker.allocationOf(time) ?? { time, position: -1, streams: [], ranges: [] }
  }

  /**
   * Batches up to `time` are committed: by number and digest of the newest commit. Those from
   * `keepFrom` on stay readable (default: none). Segments that nothing needs any more are released.
   */
  async cleanup(
    time: number,
    commit: number,
    digest: Uint8Array,
    keepFrom = time + 1,
  ): Promise<void> {
    assert(keepFrom <= time + 1, 'a batch that is not committed is kept')
    await this.#change({ kind: 'cleanup', time, commit, digest, keepFrom })
    const { end, durable } = this.log
    this.#retention.note(this.#clock.now(), end)
    this.#released ??= { end, upTo: this.tracker.pinnedFrom ?? durable }
    await this.#releaseProven()
  }

  /** Segments are given up only when the receipt that frees them is durable itself. */
  async #releaseProven(): Promise<void> {
    const released = this.#released
    if (released === undefined || this.log.durable < released.end) return
    this.#released = undefined
    await this.#release(released.upTo)
  }

  async #release(upTo: number): Promise<void> {
    const kept = this.#retention.keptFrom(this.#clock.now(), this.log.end)
    await this.log.release(Math.min(upTo, kept))
  }

  async #change(event: TrackerEvent): Promise<void> {
    assert(!this.#changing, 'one allocation or cleanup is under way at a time')
    this.#changing = true
    try {
      await this.log.append(encodeEvent(event))
    } finally {
      this.#changing = false
    }
  }

  /** Gives up the segments that lie wholly below what is still needed. */
  async release(): Promise<void> {
    await this.#release(this.tracker.pinnedFrom ?? this.log.durable)
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.log.close()
  }
}

function positionsByStream(
  blocks: readonly StoredBlock[],
): readonly { streamId: number; positions: readonly number[] }[] {
  const streams = new Map<number, number[]>()
  for (const { streamId, ref } of blocks) {
    const of = streams.get(streamId) ?? []
    of.push(ref.position)
    streams.set(streamId, of)
  }
  return [...streams].map(([streamId, found]) => ({ streamId, positions: found }))
}
