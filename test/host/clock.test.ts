/** The clock that tests move, and the machine's. */
import { describe, expect, it } from 'vitest'

import { ManualClock } from '../../src/host/manual-clock.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeRandom } from '../../src/host/node-random.ts'

describe('a manual clock', () => {
  it('wakes sleepers in the order of their times, and of equals the first to sleep', async () => {
    const clock = new ManualClock(1000)
    const woken: string[] = []
    const note = (name: string) => (): void => {
      woken.push(`${name}@${String(clock.now())}`)
    }
    const all = [
      clock.sleep(30).then(note('c')),
      clock.sleep(10).then(note('a')),
      clock.sleepUntil(1010).then(note('b')),
      clock.sleep(31).then(note('d')),
    ]
    await clock.advance(30)
    expect(woken).toEqual(['a@1010', 'b@1010', 'c@1030'])
    await clock.advance(1)
    await Promise.all(all)
    expect(clock.now()).toBe(1031)
    expect(clock.monotonic()).toBe(31)
  })

  it('wakes a loop that sleeps again within one advance', async () => {
    const clock = new ManualClock()
    const times: number[] = []
    const loop = async (): Promise<void> => {
      for (let i = 0; i < 5; i++) {
        await clock.sleep(10)
        times.push(clock.now())
      }
    }
    const running = loop()
    await clock.advance(100)
    await running
    expect(times).toEqual([10, 20, 30, 40, 50])
  })

  it('repeats a call until it is told to stop', async () => {
    const clock = new ManualClock()
    let calls = 0
    const stop = clock.every(10, () => {
      calls += 1
    })
    await clock.advance(35)
    stop()
    await clock.advance(100)
    expect(calls).toBe(3)
    expect(clock.waiting).toBe(0)
  })

  it('lets a signal end a wait, before and during it', async () => {
    const clock = new ManualClock()
    const control = new AbortController()
    const waiting = clock.sleep(10, control.signal)
    control.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(clock.sleepUntil(10, control.signal)).rejects.toThrow('enough')
    expect(clock.waiting).toBe(0)
  })

  it('jumps on the wall clock only: those who sleep a duration do not notice', async () => {
    const clock = new ManualClock(1000)
    const woken: string[] = []
    const until = clock.sleepUntil(5000).then(() => woken.push('until'))
    const duration = clock.sleep(10).then(() => woken.push('duration'))
    await clock.setTo(500)
    expect(clock.monotonic()).toBe(0)
    await clock.setTo(6000)
    expect(woken).toEqual(['until'])
    await clock.advance(10)
    expect(woken).toEqual(['until', 'duration'])
    await Promise.all([until, duration])
  })
})

describe("the machine's clock", () => {
  it('sleeps at least as long as it was told, by either clock', async () => {
    const start = nodeClock.monotonic()
    await nodeClock.sleep(20)
    expect(nodeClock.monotonic() - start).toBeGreaterThanOrEqual(20)
    const at = nodeClock.now() + 20
    await nodeClock.sleepUntil(at)
    expect(nodeClock.now()).toBeGreaterThanOrEqual(at)
    await nodeClock.sleepUntil(0)
  })

  it('lets a signal end a wait, before and during it', async () => {
    const control = new AbortController()
    const waiting = nodeClock.sleep(60_000, control.signal)
    control.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(nodeClock.sleepUntil(Infinity, control.signal)).rejects.toThrow('enough')
  })

  it('repeats a call until it is told to stop', async () => {
    let calls = 0
    const stop = nodeClock.every(1, () => {
      calls += 1
    })
    while (calls < 3) await nodeClock.sleep(1)
    stop()
    const then = calls
    await nodeClock.sleep(10)
    expect(calls).toBe(then)
  })

  it('lets other events be served in a turn', async () => {
    let served = false
    void nodeClock.turn().then(() => {
      served = true
    })
    await nodeClock.turn()
    expect(served).toBe(true)
  })
})

describe('the chance of the machine', () => {
  it('is between 0 and 1, and gives the bytes it was asked for', () => {
    expect(nodeRandom.next()).toBeGreaterThanOrEqual(0)
    expect(nodeRandom.next()).toBeLessThan(1)
    expect(nodeRandom.bytes(16)).toHaveLength(16)
    expect(nodeRandom.bytes(16)).not.toEqual(nodeRandom.bytes(16))
  })
})
