/** Every limit of this folder, and how they hang together. */
import { assert } from '../base/assert.ts'

export const EXECUTOR_LIMITS = {
  /** Most bytes of state pieces in one message (a single larger piece travels alone). */
  loadBytesMax: 4 * 1024 * 1024,
  /** An attempt gives way to other events after computing for so long, in ms. */
  breathMs: 20,
  /** Longest label of a collective, in UTF-16 units; a longer one is cut, the same in all. */
  labelLengthMax: 1000,
  /** Longest greeting on a socket between executors, in bytes. */
  helloBytesMax: 256,
  /**
   * A peer may be this many exchanges ahead: one that was entered early, one that is being
   * collected.
   */
  aheadMax: 2,
  /** Longest message and stack of a reported error, in characters. */
  errorTextMax: 16_384,
  /** Lines of an executor's stderr that are looked at for the cause of its death. */
  stderrLinesMax: 50,
} as const

export interface ExecutorTimes {
  /** Building the graph, or loading one message of state, may take so long. Default 60 s. */
  readonly startTimeoutMs: number
  /** An attempt may take so long. Default 5 min. */
  readonly attemptTimeoutMs: number
  /**
   * A collective waits so long for the others. Default: as long as an attempt may take, because a
   * function of the program may rightly hold the others; one that hangs is found by its pings.
   */
  readonly exchangeTimeoutMs: number
  /** Pings of a running attempt. Default 1 s. */
  readonly pingMs: number
  /** An executor that answers no ping for so long hangs. Default 10 s. */
  readonly hangTimeoutMs: number
  /**
   * An aborted attempt has so long to come to rest before its executor is replaced. Default 5 s.
   */
  readonly abortGraceMs: number
  /** Closing resources may take so long at a stop. Default 5 s. */
  readonly stopGraceMs: number
}

export const DEFAULT_TIMES: ExecutorTimes = {
  startTimeoutMs: 60_000,
  attemptTimeoutMs: 300_000,
  exchangeTimeoutMs: 300_000,
  pingMs: 1_000,
  hangTimeoutMs: 10_000,
  abortGraceMs: 5_000,
  stopGraceMs: 5_000,
}

/** The default times with some replaced. */
export function executorTimes(changed: Partial<ExecutorTimes> = {}): ExecutorTimes {
  const { attemptTimeoutMs = DEFAULT_TIMES.attemptTimeoutMs } = changed
  const times = { ...DEFAULT_TIMES, exchangeTimeoutMs: attemptTimeoutMs, ...changed }
  assert(times.pingMs < times.hangTimeoutMs, 'several pings fit into the time of a hang')
  assert(times.abortGraceMs < times.attemptTimeoutMs, 'an abort ends before the next attempt would')
  return times
}
