/** What the log promises to its callers. `log.ts` opens one. */
import type { MillraceError } from '../src/base/errors.ts'
import type { Witness } from './lineage.ts'
import type { Durability, LogEntry, LogRecord, RecordRef } from './record.ts'

export interface LogOptions {
  readonly directory: string
  /**
   * Identity of the data directory, 16 bytes: a log of another one is refused
   * (`MR_DIRECTORY_FOREIGN`).
   */
  readonly identity: Uint8Array
  /** Size of a segment file; default 64 MiB. */
  readonly segmentBytes?: number
  /** Largest payload; default 16 MiB, or what a smaller segment can hold. */
  readonly recordBytesMax?: number
  /** Default 'sync'. */
  readonly durability?: Durability
  /** For 'interval': milliseconds between syncs; default 100. */
  readonly intervalMs?: number
  /**
   * Largest position proven durable from outside (the checkpoint's roots); default 0. Waited for
   * only when the last segment is read.
   */
  readonly provenDurable?: number | Promise<number>
  /** A commit beside which this log has to have been written; see `lineage.ts`. */
  readonly witness?: Witness | Promise<Witness>
  /**
   * Called once for each record in log order: at replay, and while running before its `append`
   * resolves. Snapshots are handed over at replay only: while running they say what `apply` has
   * made. A throw ends the log.
   */
  apply(record: LogRecord): void
  /**
   * The records a new segment begins with, so that replay can start there. They are bounded by half
   * a segment.
   */
  snapshot(): readonly LogEntry[]
  /**
   * Called once when every record has been applied, and waited for, before anything is written: a
   * throw or rejection refuses the log.
   */
  replayed?(): void | Promise<void>
  /** Bytes read so far of the total, during replay. */
  onProgress?(done: number, total: number): void
  /**
   * A write found no room: resolves when it should be tried again, rejects to give up. Without it a
   * full disk is a failure like any other.
   */
  onFull?: OnFull
  /** Called once when a write or sync failed: the process should end. */
  onFailure?(error: MillraceError): void
}

export type OnFull = (error: Error) => Promise<void>

export interface LogReport {
  readonly segments: number
  readonly records: number
  readonly bytes: number
  /** Bytes cut from the tail: unproven, possibly acknowledged. 0 after a clean close. */
  readonly tornBytes: number
  readonly start: number
  readonly end: number
  readonly epoch: number
}

export interface LogStatistics {
  readonly groups: number
  readonly records: number
  readonly bytes: number
  readonly syncs: number
  /** Spare segments that could not be prepared (rotation then makes its file itself). */
  readonly sparesFailed: number
}

export interface LogHold {
  readonly segments: readonly {
    readonly number: number
    readonly base: number
    readonly epoch: number
  }[]
  readonly end: number
  /** Idempotent. What was released meanwhile goes now. */
  letGo(): Promise<void>
}

export interface Log {
  readonly epoch: number
  /** Position of the first byte that is still kept. */
  readonly start: number
  /** Position after the last formed group. */
  readonly end: number
  /** Every position below has been synced. */
  readonly durable: number
  /** Segments that are kept. */
  readonly segments: number
  /** Logical bytes from `start` to `end`. */
  readonly retainedBytes: number
  readonly statistics: LogStatistics
  /**
   * Errors: MR_RECORD_TOO_LARGE, MR_LOG_CLOSED, MR_LOG_FAILED (then everything after it fails too).
   */
  append(entry: LogEntry): Promise<RecordRef>
  /** All in one group, contiguous: after a crash all of them are there or none. */
  appendAll(entries: readonly LogEntry[]): Promise<readonly RecordRef[]>
  /**
   * Everything whose append has resolved survives when it resolves, whatever the durability; in
   * 'sync' there is nothing to do. Errors: MR_LOG_FAILED.
   */
  sync(): Promise<void>
  /** Gives up the segments that lie wholly below `position`. */
  release(position: number): Promise<void>
  /**
   * Keeps every segment there is, whatever is released meanwhile: for whoever copies the log up to
   * `end`, below which everything is durable and does not change any more.
   */
  hold(): Promise<LogHold>
  /** Waits for all appends, proves the end, lets go of the files. Idempotent. */
  close(): Promise<void>
}
