/**
 * What can be set about an engine; none of it is in the checkpoint, so all of it may change from
 * one start to the next.
 */
import type { Durability } from '../../wal/record.ts'

export interface EngineSettings {
  /** When a record counts as stored; see `docs/guarantees.md`. Default `sync`. */
  readonly durability: Durability
  /** Size of a log segment in bytes. Default 64 MiB. */
  readonly segmentBytes: number
  /** Receiving pauses when so many bytes of the log are still needed. Default 4 GiB. */
  readonly logQuotaBytes: number
  /** Bytes before the end of the log that stay although nothing needs them. Default 0. */
  readonly logKeepBytes: number
  /** What was written to the log in so many ms stays although nothing needs it. Default 0. */
  readonly logKeepMs: number
  /**
   * Receiving pauses when less than this is free on the disk: the rest is for running batches,
   * committing and cleaning. Default 256 MiB.
   */
  readonly diskReserveBytes: number
  /** Most bytes that one batch takes from the log. Default 64 MiB. */
  readonly batchBytesMax: number
  /** Partitions of shuffles and, unless a program says otherwise, of new states. Default 16. */
  readonly partitions: number
  /** Attempts at a batch before it is held as `blocked`. Default 4. */
  readonly maxAttempts: number
  /** Wait before the second attempt, doubled for each further one up to 10 s. Default 200 ms. */
  readonly retryBackoffMs: number
  /**
   * `failFast`: a batch that used up its attempts ends the engine with the program's own error.
   * Default false.
   */
  readonly failFast: boolean
}

export const DEFAULT_SETTINGS: EngineSettings = {
  durability: 'sync',
  segmentBytes: 64 * 1024 * 1024,
  logQuotaBytes: 4 * 1024 * 1024 * 1024,
  logKeepBytes: 0,
  logKeepMs: 0,
  diskReserveBytes: 256 * 1024 * 1024,
  batchBytesMax: 64 * 1024 * 1024,
  partitions: 16,
  maxAttempts: 4,
  retryBackoffMs: 200,
  failFast: false,
}

export const RETRY_BACKOFF_MAX_MS = 10_000

/** Wait before attempt `n` (2, 3, …), in ms. */
export function backoffMs(settings: EngineSettings, n: number): number {
  return Math.min(settings.retryBackoffMs * 2 ** (n - 2), RETRY_BACKOFF_MAX_MS)
}

/** What the engine logs through; pino's signature. */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

const nothing = (): void => undefined
export const SILENT: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing }
