/**
 * How the log grew lately: how much of it is kept beyond what is needed, and how long the room that
 * is left lasts. Pure.
 *
 * A few marks (time, end of the log) are kept: one for each hundredth of the span. What is older
 * than this life is not known, so after a restart more is kept than was asked for, never less.
 */
import { formatDuration } from '../base/time.ts'

export interface Keep {
  /** At least so many bytes before the end of the log stay. */
  readonly bytes: number
  /** What was written in so many milliseconds before now stays. */
  readonly ms: number
}

export const KEEP_NOTHING: Keep = { bytes: 0, ms: 0 }

interface Mark {
  readonly time: number
  readonly end: number
}

/** The rate is taken over this time at most. */
const RATE_MS = 300_000
const MARKS = 100

export class Retention {
  readonly #keep: Keep
  readonly #spanMs: number
  #marks: Mark[] = []

  constructor(keep: Keep = KEEP_NOTHING) {
    this.#keep = keep
    this.#spanMs = Math.max(keep.ms, RATE_MS)
  }

  /** The log ends there now. A clock that was set back begins anew. */
  note(time: number, end: number): void {
    const newest = this.#marks.at(-1)
    if (newest !== undefined && time < newest.time) this.#marks = []
    else if (newest !== undefined && time - newest.time < this.#spanMs / MARKS) return
    this.#marks.push({ time, end })
    const old = this.#marks.findLastIndex((mark) => mark.time <= time - this.#spanMs)
    if (old > 0) this.#marks = this.#marks.slice(old)
  }

  /** Nothing at or above this position may go, needed or not. */
  keptFrom(time: number, end: number): number {
    const { bytes, ms } = this.#keep
    if (ms === 0) return end - bytes
    const before = this.#marks.findLast((mark) => mark.time <= time - ms)
    return Math.min(end - bytes, before?.end ?? 0)
  }

  /** Bytes a second lately; undefined in the first second. */
  rate(time: number, end: number): number | undefined {
    const recent = this.#marks.find((mark) => mark.time >= time - RATE_MS)
    if (recent === undefined || time - recent.time < 1000) return undefined
    return ((end - recent.end) / (time - recent.time)) * 1000
  }
}

/** `at this rate the log holds 3 h more before receiving pauses`, or undefined at rest. */
export function roomWords(
  freeBytes: number,
  bytesPerSecond: number | undefined,
): string | undefined {
  if (bytesPerSecond === undefined || bytesPerSecond < 1) return undefined
  const ms = Math.max(0, freeBytes / bytesPerSecond) * 1000
  const unit = [86_400_000, 3_600_000, 60_000, 1000].find((size) => ms >= size) ?? 1000
  const rounded = Math.floor(ms / unit) * unit
  return `at this rate the log holds ${formatDuration(rounded)} more before receiving pauses`
}
