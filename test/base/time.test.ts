/** Durations and ticks. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMillraceError } from '../../src/base/errors.ts'
import {
  days,
  firstTick,
  floorTime,
  formatDuration,
  hours,
  isMultipleOf,
  millis,
  minutes,
  nextTick,
  parseDuration,
  seconds,
  timesTo,
  timesUntil,
} from '../../src/base/time.ts'

const period = fc.integer({ min: 1, max: 100_000 }).map(millis)
const time = fc.nat(1_000_000_000)

describe('a duration', () => {
  it('is made of whole milliseconds', () => {
    expect([millis(5), seconds(1.5), minutes(2), hours(1), days(1)]).toEqual([
      5, 1500, 120_000, 3_600_000, 86_400_000,
    ])
  })

  it.each([-1, NaN, Infinity, 2 ** 60])('is never %d ms', (n) => {
    const error = ((): unknown => {
      try {
        return millis(n)
      } catch (e) {
        return e
      }
    })()
    expect(isMillraceError(error, 'MR_CONFIG_INVALID')).toBe(true)
  })

  it.each([
    ['500 ms', 500],
    ['1s', 1000],
    [' 1.5 min ', 90_000],
    ['2m', 120_000],
    ['2h', 7_200_000],
    ['1 d', 86_400_000],
    ['250', 250],
  ])('reads %j', (text, ms) => {
    expect(parseDuration(text)).toBe(ms)
  })

  it.each(['', 's', '-1s', '1 week', '1e3', '1 s 2'])('does not read %j', (text) => {
    expect(() => parseDuration(text)).toThrow(/not a duration/)
  })

  it('is shown in units for people', () => {
    expect([0, 999, 1500, 90_000, 5_400_000].map(formatDuration)).toEqual([
      '0 ms',
      '999 ms',
      '1.5 s',
      '1.5 min',
      '1.5 h',
    ])
  })
})

describe('a tick', () => {
  it('comes strictly after now, at most one period later, and is aligned', () => {
    fc.assert(
      fc.property(time, period, time, (now, step, zero) => {
        const first = firstTick(now, step)
        expect(first > now && first <= now + step && isMultipleOf(first, step)).toBe(true)
        const next = nextTick(now, step, zero)
        expect(next > now && next <= now + step && (next - zero) % step === 0).toBe(true)
      }),
    )
  })

  it('floor takes the last multiple that is not after', () => {
    fc.assert(
      fc.property(time, period, (now, step) => {
        const floor = floorTime(now, step)
        expect(floor <= now && floor > now - step && isMultipleOf(floor, step)).toBe(true)
      }),
    )
    expect(floorTime(1350, millis(200), 100)).toBe(1300)
    expect(floorTime(50, millis(100), 100)).toBe(100)
  })
})

describe('a range of times', () => {
  it('ends below, or with, its end', () => {
    expect(timesUntil(1000, 3000, millis(1000))).toEqual([1000, 2000])
    expect(timesTo(1000, 3000, millis(1000))).toEqual([1000, 2000, 3000])
    expect(timesTo(1000, 2999, millis(1000))).toEqual([1000, 2000])
    expect(timesUntil(5, 5, millis(1))).toEqual([])
  })
})
