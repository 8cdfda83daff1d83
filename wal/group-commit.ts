/**
 * Group commit: callers that wait together share one group, one group is one write and one sync.
 *
 *   append ─► pending ─► group ─► write (and sync) ─► apply each record ─► resolve each caller
 *                ▲ what arrives during a sync makes the next group; no timer under load
 *
 *   open ──close()──► closing ──► closed
 *   open, closing ──first failed write or sync──► failed
 *
 * Invariants
 * - The next group is formed after the records of the last were applied: so in 'sync' the watermark
 *   of a group is its own position, and `snapshot()` at a rotation is the state as of the segment's
 *   base.
 * - A caller hears of success only after `apply` saw its record; after the first failure nobody
 *   does, and nothing is tried again (the kernel may have dropped the pages: only a new process
 *   knows what the disk holds).
 * What a crash leaves: see `group-writer.ts`.
 */
import { assert } from '../src/base/assert.ts'
import { messageOf, MillraceError } from '../src/base/errors.ts'
import type { Appender, Clock } from '../src/host/host.ts'
import type { Log, LogHold, LogOptions, LogStatistics } from './contract.ts'
import { GROUP_ROLE, payloadBytes, recordsBytes } from './group-format.ts'
import type { GroupWriter } from './group-writer.ts'
import { GROUP_BYTES_MAX, GROUP_HEADER_BYTES, groupLimitOf, INTERVAL_MS_DEFAULT } from './limits.ts'
import type { Durability, LogEntry, LogRecord, RecordRef } from './record.ts'
import type { SegmentFiles } from './segment-files.ts'

interface Pending {
  readonly entries: readonly LogEntry[]
  /** Records with their headers. */
  readonly bytes: number
  readonly resolve: (refs: readonly RecordRef[]) => void
  readonly reject: (error: MillraceError) => void
}

export interface GroupCommitOptions {
  readonly log: LogOptions
  readonly epoch: number
  readonly segmentBytes: number
  readonly recordBytesMax: number
}

export interface GroupCommitParts {
  readonly files: SegmentFiles
  readonly appender: Appender
  readonly writer: GroupWriter
  readonly clock: Pick<Clock, 'every'>
}

export class GroupCommitLog implements Log {
  readonly epoch: number
  readonly #options: GroupCommitOptions
  readonly #durability: Durability
  readonly #files: SegmentFiles
  readonly #appender: Appender
  readonly #writer: GroupWriter
  readonly #stopTicks: () => void
  #pending: Pending[] = []
  #inFlight: readonly Pending[] = []
  #draining = false
  #drained: Promise<void> = Promise.resolve()
  #ticked: Promise<void> = Promise.resolve()
  #failure: MillraceError | undefined
  #closing: Promise<void> | undefined

  /** The writer has begun its first segment. */
  constructor(parts: GroupCommitParts, options: GroupCommitOptions) {
    this.#files = parts.files
    this.#appender = parts.appender
    this.#writer = parts.writer
    this.#options = options
    this.epoch = options.epoch
    this.#durability = options.log.durability ?? 'sync'
    this.#stopTicks = this.#startTicks(parts.clock)
  }

  get start(): number {
    return this.#files.kept[0]?.base ?? this.#writer.end
  }
  get end(): number {
    return this.#writer.end
  }
  get durable(): number {
    return this.#writer.durable
  }
  get segments(): number {
    return this.#files.kept.length
  }
  get retainedBytes(): number {
    return this.end - this.start
  }
  get statistics(): LogStatistics {
    return { ...this.#writer.counts, sparesFailed: this.#files.spareFailures.count }
  }

  #startTicks(clock: Pick<Clock, 'every'>): () => void {
    if (this.#durability !== 'interval') return () => undefined
    return clock.every(this.#options.log.intervalMs ?? INTERVAL_MS_DEFAULT, () => {
      if (this.#failure !== undefined) return
      this.#ticked = this.#ticked.then(() => this.#writer.sync()).catch(this.#fail)
    })
  }

  async append(entry: LogEntry): Promise<RecordRef> {
    const [ref] = await this.appendAll([entry])
    assert(ref !== undefined, 'one entry gives one reference')
    return ref
  }

  async appendAll(entries: readonly LogEntry[]): Promise<readonly RecordRef[]> {
    this.#checkOpen()
    const bytes = recordsBytes(entries)
    this.#checkSize(entries, bytes)
    return new Promise((resolve, reject) => {
      this.#pending.push({ entries, bytes, resolve, reject })
      if (this.#draining) return
      this.#draining = true
      this.#drained = Promise.resolve()
        .then(() => this.#drain())
        .catch(this.#fail)
    })
  }

  #checkOpen(): void {
    this.#checkWhole()
    if (this.#closing !== undefined) throw new MillraceError('MR_LOG_CLOSED', 'the log is closed')
  }

  #checkSize(entries: readonly LogEntry[], bytes: number): void {
    const { recordBytesMax, segmentBytes } = this.#options
    const largest = entries.reduce((most, entry) => Math.max(most, payloadBytes(entry)), 0)
    const limit = groupLimitOf(segmentBytes) - GROUP_HEADER_BYTES
    if (largest <= recordBytesMax && bytes <= limit) return
    throw new MillraceError(
      'MR_RECORD_TOO_LARGE',
      largest > recordBytesMax
        ? `a record of ${String(largest)} bytes: the limit is ${String(recordBytesMax)}`
        : `records of ${String(bytes)} bytes in one group: the limit is ${String(limit)}`,
      { details: { largest, recordBytesMax, bytes, limit } },
    )
  }

  async #drain(): Promise<void> {
    for (let next = this.#pending[0]; next !== undefined; next = this.#pending[0]) {
      if (!this.#writer.fits(next.bytes)) await this.#writer.rotate()
      this.#inFlight = this.#takeGroup()
      const entries = this.#inFlight.flatMap((pending) => pending.entries)
      const sync = this.#durability === 'sync'
      this.#acknowledge(await this.#writer.write(GROUP_ROLE.records, entries, sync))
      if (this.#writer.wantsSpare) this.#files.prepare()
    }
    this.#draining = false
  }

  /**
   * The waiting callers that share the next group: in order, at least one, bounded by size and by
   * the room left.
   */
  #takeGroup(): readonly Pending[] {
    let bytes = 0
    let count = 0
    for (const pending of this.#pending) {
      bytes += pending.bytes
      if (
        count > 0 &&
        (bytes > GROUP_BYTES_MAX - GROUP_HEADER_BYTES || !this.#writer.fits(bytes))
      ) {
        break
      }
      count += 1
    }
    return this.#pending.splice(0, count)
  }

  #acknowledge(records: readonly LogRecord[]): void {
    if (this.#failure !== undefined) throw this.#failure
    for (const record of records) this.#options.log.apply(record)
    const callers = this.#inFlight
    this.#inFlight = []
    let from = 0
    for (const { entries, resolve } of callers) {
      resolve(records.slice(from, from + entries.length).map((record) => record.ref))
      from += entries.length
    }
  }

  readonly #fail = (cause: unknown): void => {
    if (this.#failure !== undefined) return
    const failure = new MillraceError(
      'MR_LOG_FAILED',
      `the log failed and takes no more records: ${messageOf(cause)}`,
      { cause },
    )
    this.#failure = failure
    this.#stopTicks()
    for (const { reject } of [...this.#inFlight, ...this.#pending]) reject(failure)
    this.#inFlight = []
    this.#pending = []
    this.#options.log.onFailure?.(failure)
  }

  async sync(): Promise<void> {
    this.#checkWhole()
    if (this.#durability === 'sync') return
    this.#ticked = this.#ticked.then(() => this.#writer.sync()).catch(this.#fail)
    await this.#ticked
    this.#checkWhole()
  }

  #checkWhole(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async release(position: number): Promise<void> {
    this.#checkOpen()
    try {
      await this.#files.release(Math.min(position, this.durable))
    } catch (error) {
      this.#fail(error)
      throw this.#failure ?? error
    }
  }

  async hold(): Promise<LogHold> {
    this.#checkOpen()
    const { segments, letGo } = await this.#files.hold()
    return { segments, end: this.durable, letGo }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#stopTicks()
    await this.#drained
    await this.#ticked
    const errors: unknown[] = []
    const attempt = (step: () => Promise<void>): Promise<void> =>
      step().catch((error: unknown) => {
        errors.push(error)
      })
    if (this.#failure === undefined) await attempt(() => this.#writer.finish())
    await attempt(() => this.#files.close())
    await attempt(() => this.#appender.close())
    if (errors.length === 0) return
    const cause = new AggregateError(errors, 'closing the log')
    throw new MillraceError('MR_LOG_FAILED', `the log did not close: ${messageOf(errors[0])}`, {
      cause,
    })
  }
}
