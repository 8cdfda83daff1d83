/**
 * Durations and batch times: whole milliseconds. A `Duration` can only be made here, so that a bare
 * number is never taken for one; a batch time is a plain number of milliseconds since the epoch.
 */
import { MillraceError } from './errors.ts'

declare const duration: unique symbol
export type Duration = number & { readonly [duration]: true }

export function millis(n: number): Duration {
  if (!Number.isSafeInteger(Math.round(n)) || n < 0) {
    throw new MillraceError('MR_CONFIG_INVALID', `not a duration in milliseconds: ${String(n)}`)
  }
  return Math.round(n) as Duration
}
export const seconds = (n: number): Duration => millis(n * 1000)
export const minutes = (n: number): Duration => millis(n * 60_000)
export const hours = (n: number): Duration => millis(n * 3_600_000)
export const days = (n: number): Duration => millis(n * 86_400_000)

/** The largest multiple of `period` after `zero` that is not after `time`. */
export function floorTime(time: number, period: Duration, zero = 0): number {
  return Math.trunc((time - zero) / period) * period + zero
}

export function isMultipleOf(time: number, period: Duration): boolean {
  return time % period === 0
}

/** First tick of a new timer: strictly in the future, on a multiple of the period. */
export function firstTick(now: number, period: Duration): number {
  return (Math.floor(now / period) + 1) * period
}

/** First tick of a timer that ran before: strictly in the future, aligned to its original start. */
export function nextTick(now: number, period: Duration, zero: number): number {
  return (Math.floor((now - zero) / period) + 1) * period + zero
}

/** `from, from + step, …` below `to`. */
export function timesUntil(from: number, to: number, step: Duration): number[] {
  const times: number[] = []
  for (let t = from; t < to; t += step) times.push(t)
  return times
}

/** `from, from + step, …` up to and including `to`. */
export function timesTo(from: number, to: number, step: Duration): number[] {
  const times: number[] = []
  for (let t = from; t <= to; t += step) times.push(t)
  return times
}

/** `90000` → `1.5 min`: for people. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${String(ms)} ms`
  if (ms < 60_000) return `${trim(ms / 1000)} s`
  if (ms < 3_600_000) return `${trim(ms / 60_000)} min`
  return `${trim(ms / 3_600_000)} h`
}

const trim = (n: number): string => String(Math.round(n * 100) / 100)

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Reads `500 ms`, `1s`, `1.5 min`, `2h`; a bare number is milliseconds. */
export function parseDuration(text: string): Duration {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?\s*$/.exec(text)
  const unit = UNITS[match?.[2] ?? 'ms']
  if (!match || unit === undefined) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `not a duration: '${text}' (write 500ms, 1s, 5min, 2h)`,
    )
  }
  return millis(Number(match[1]) * unit)
}
