/**
 * Batch times: where the first one lies, what is moved over, and what a clock that jumps does to
 * them.
 */
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { millis, seconds } from '../../src/base/time.ts'
import { BatchClock, nextBatch, zeroTimeOf } from '../../src/engine/schedule.ts'
import type { Clock } from '../../src/host/host.ts'

class HandClock implements Pick<Clock, 'now' | 'monotonic' | 'sleep'> {
  wall = 1_000_000
  mono = 0
  slept: number[] = []
  now(): number {
    return this.wall
  }
  monotonic(): number {
    return this.mono
  }
  async sleep(ms: number): Promise<void> {
    this.slept.push(ms)
    this.pass(ms)
    await Promise.resolve()
  }
  pass(ms: number): void {
    this.wall += ms
    this.mono += ms
  }
}

const clockOf = (hand: HandClock): Clock => ({
  now: () => hand.now(),
  monotonic: () => hand.monotonic(),
  sleep: (ms) => hand.sleep(ms),
  sleepUntil: (at) => hand.sleep(at - hand.now()),
  every: () => () => undefined,
  turn: () => Promise.resolve(),
})

describe('the first batch', () => {
  it('comes at the first multiple of the interval that is strictly in the future', () => {
    expect(zeroTimeOf(1, seconds(1)) + 1000).toBe(1000)
    expect(zeroTimeOf(1000, seconds(1)) + 1000).toBe(2000)
    expect(zeroTimeOf(7250, seconds(2)) + 2000).toBe(8000)
  })
})

describe('the next batch', () => {
  const options = { interval: seconds(1), zeroTime: 250 }

  it('is one interval later, however late it is, while the engine runs', () => {
    const next = nextBatch(5250, 60_000, { ...options, maySkip: false })
    expect(next).toEqual({ time: 6250, skipped: 0 })
  })

  it('moves over the time the engine was down to the last time that is due', () => {
    const next = nextBatch(5250, 60_000, { ...options, maySkip: true })
    expect(next).toEqual({ time: 59_250, skipped: 53 })
  })

  it('is the following one when nothing was missed', () => {
    const next = nextBatch(5250, 5300, { ...options, maySkip: true })
    expect(next).toEqual({ time: 6250, skipped: 0 })
  })

  it('stays on the grid of zero time and after the last one, whatever the clock says', () => {
    const ms = fc.integer({ min: 1, max: 100_000 })
    fc.assert(
      fc.property(
        ms,
        fc.nat(1e9),
        fc.nat(1000),
        fc.nat(2e9),
        fc.boolean(),
        (i, zero, n, now, maySkip) => {
          const interval = millis(i)
          const last = zero + n * i
          const { time, skipped } = nextBatch(last, now, { interval, zeroTime: zero, maySkip })
          expect((time - zero) % i).toBe(0)
          expect(time).toBe(last + (skipped + 1) * i)
          if (maySkip && now > last + i) expect(now - time).toBeLessThan(i)
        },
      ),
    )
  })
})

describe('the batch clock', () => {
  it('goes on evenly when the wall clock is set back', () => {
    const hand = new HandClock()
    const clock = new BatchClock(clockOf(hand), 0)
    hand.pass(500)
    hand.wall -= 3_600_000
    hand.pass(500)
    expect(clock.now()).toBe(1_001_000)
    expect(clock.follow()).toBe(false)
  })

  it('follows, once, a wall clock that ran away by more than a minute', () => {
    const hand = new HandClock()
    const clock = new BatchClock(clockOf(hand), 0)
    hand.wall += 59_000
    expect(clock.follow()).toBe(false)
    hand.wall += 2_000
    expect(clock.follow()).toBe(true)
    expect(clock.now()).toBe(hand.wall)
    expect(clock.follow()).toBe(false)
  })

  it('never stands before the last committed batch', () => {
    const hand = new HandClock()
    const clock = new BatchClock(clockOf(hand), 2_000_000)
    expect(clock.now()).toBe(2_000_000)
    hand.pass(10)
    expect(clock.now()).toBe(2_000_010)
  })

  it('sleeps only for what is left, and not at all for what is past', async () => {
    const hand = new HandClock()
    const clock = new BatchClock(clockOf(hand), 0)
    const signal = new AbortController().signal
    await clock.sleepUntil(1_000_300, signal)
    await clock.sleepUntil(1_000_100, signal)
    expect(hand.slept).toEqual([300])
  })
})
