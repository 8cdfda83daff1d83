/**
 * Batch times. All of them are `zeroTime` plus a positive multiple of the interval; the first batch
 * of a program comes at the first multiple of the interval after its start.
 */
import { type Duration, firstTick, floorTime } from '../base/time.ts'
import type { Clock } from '../host/host.ts'

/** Zero time of a program that starts for the first time at `now`. */
export function zeroTimeOf(now: number, interval: Duration): number {
  return firstTick(now, interval) - interval
}

export interface NextBatch {
  readonly time: number
  /** Batch times that are passed over because nothing can come of them. */
  readonly skipped: number
}

/**
 * The batch after `last`. Late batches come back to back; only time the engine did not run
 * (`maySkip`) is moved over in one step, to the last time that is due, and only where that equals
 * running the empty batches one by one.
 */
export function nextBatch(
  last: number,
  now: number,
  options: { interval: Duration; zeroTime: number; maySkip: boolean },
): NextBatch {
  const following = last + options.interval
  if (!options.maySkip) return { time: following, skipped: 0 }
  const time = Math.max(following, floorTime(now, options.interval, options.zeroTime))
  return { time, skipped: (time - following) / options.interval }
}

/**
 * The wall clock is followed when it is so far ahead: the machine slept, or its clock was set
 * right.
 */
const STEP_MS = 60_000

/**
 * The clock batches are cut by: wall time at the start, then the monotonic clock, so that a wall
 * clock that is set back never stops the batches and one that is set forward by little never makes
 * a burst of them. It never stands before the last committed batch.
 */
export class BatchClock {
  readonly #clock: Clock
  #base: number
  #since: number

  constructor(clock: Clock, notBefore: number) {
    this.#clock = clock
    this.#base = Math.max(clock.now(), notBefore)
    this.#since = clock.monotonic()
  }

  /** Milliseconds since the epoch, never backwards. */
  now(): number {
    return this.#base + (this.#clock.monotonic() - this.#since)
  }

  /** True, once, when the wall clock had run away by more than a minute and was followed. */
  follow(): boolean {
    if (this.#clock.now() - this.now() < STEP_MS) return false
    this.#base = this.#clock.now()
    this.#since = this.#clock.monotonic()
    return true
  }

  async sleepUntil(time: number, signal: AbortSignal): Promise<void> {
    const ms = time - this.now()
    if (ms > 0) await this.#clock.sleep(Math.min(ms, STEP_MS), signal)
  }
}
