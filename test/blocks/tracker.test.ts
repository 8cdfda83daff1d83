/** The rules of the fold, and that replay from any segment comes to the same tracker. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { TrackerEvent } from '../../src/blocks/events.ts'
import { ProducerMarks } from '../../src/blocks/producer-marks.ts'
import { Tracker } from '../../src/blocks/tracker.ts'
import { addition, DIGEST, refAt } from './support.ts'

const allocation = (time: number, positions: readonly number[], streamId = 1): TrackerEvent => ({
  kind: 'allocation',
  time,
  streams: [{ streamId, positions }],
  ranges: [],
})

const cleanup = (time: number, keepFrom = time + 1): TrackerEvent => ({
  kind: 'cleanup',
  time,
  commit: time,
  digest: DIGEST,
  keepFrom,
})

const positionsOf = (tracker: Tracker, time: number): readonly number[] =>
  tracker.blocksOf(time).flatMap(({ blocks }) => blocks.map((block) => block.ref.position))

/** Everything a tracker can be asked, as data. */
function view(tracker: Tracker, streams: readonly number[]): unknown {
  return {
    waiting: streams.map((stream) => tracker.unallocated(stream)),
    hasUnallocated: tracker.hasUnallocated,
    uncommitted: tracker.uncommitted(),
    pinnedFrom: tracker.pinnedFrom,
    lastAllocated: tracker.lastAllocated,
    cleanup: tracker.cleanup,
    snapshot: tracker.snapshot(),
  }
}

describe('the tracker', () => {
  it('ignores an addition at or below the mark of its producer, by stream', () => {
    const tracker = new Tracker()
    expect(tracker.highWater(1, 'p')).toBe(-1)
    expect(tracker.apply(addition(1, { id: 'p', sequence: 5 }), refAt(10))).toBe('applied')
    expect(tracker.apply(addition(1, { id: 'p', sequence: 5 }), refAt(20))).toBe('ignored')
    expect(tracker.apply(addition(1, { id: 'p', sequence: 4 }), refAt(30))).toBe('ignored')
    expect(tracker.apply(addition(2, { id: 'p', sequence: 4 }), refAt(40))).toBe('applied')
    expect(tracker.apply(addition(1, { id: 'p', sequence: 6 }), refAt(50))).toBe('applied')
    expect(tracker.unallocated(1).map((block) => block.ref.position)).toEqual([10, 50])
    expect(tracker.highWater(1, 'p')).toBe(6)
  })

  it('gives a block to the first batch that names it, and to no other', () => {
    const tracker = new Tracker()
    for (const position of [10, 20, 30]) tracker.apply(addition(), refAt(position))
    tracker.apply(allocation(1, [10, 20]), refAt(100))
    tracker.apply(allocation(2, [10, 20, 30]), refAt(110))
    expect(positionsOf(tracker, 1)).toEqual([10, 20])
    expect(positionsOf(tracker, 2)).toEqual([30])
    expect(() => {
      tracker.checkWhole()
    }).not.toThrow()
  })

  it('ignores an allocation at or before the last one', () => {
    const tracker = new Tracker()
    for (const position of [10, 20]) tracker.apply(addition(), refAt(position))
    expect(tracker.apply(allocation(5, [10]), refAt(100))).toBe('applied')
    expect(tracker.apply(allocation(5, [20]), refAt(110))).toBe('ignored')
    expect(tracker.apply(allocation(4, [20]), refAt(120))).toBe('ignored')
    expect(tracker.unallocated(1)).toHaveLength(1)
    expect(tracker.lastAllocated).toBe(5)
  })

  it('takes an allocation of unknown blocks for damage, unless its batch is cleaned', () => {
    const tracker = new Tracker()
    tracker.apply(addition(), refAt(10))
    tracker.apply(allocation(1, [10, 15]), refAt(100))
    expect(() => {
      tracker.checkWhole()
    }).toThrow(expect.objectContaining({ code: 'MR_LOG_DAMAGED' }) as Error)
    tracker.apply(cleanup(1), refAt(110))
    expect(() => {
      tracker.checkWhole()
    }).not.toThrow()
  })

  it('pins the log from the oldest block or allocation that is needed', () => {
    const tracker = new Tracker()
    expect(tracker.pinnedFrom).toBeUndefined()
    for (const position of [10, 20]) tracker.apply(addition(), refAt(position))
    tracker.apply(addition(2), refAt(15))
    expect(tracker.pinnedFrom).toBe(10)
    tracker.apply(allocation(1, [10]), refAt(100))
    expect(tracker.pinnedFrom).toBe(10)
    tracker.apply(cleanup(1), refAt(110))
    expect(tracker.pinnedFrom).toBe(15)
    tracker.apply(allocation(2, [20]), refAt(120))
    tracker.apply(allocation(3, [15], 2), refAt(130))
    tracker.apply(cleanup(3), refAt(140))
    expect(tracker.pinnedFrom).toBeUndefined()
    tracker.apply(allocation(4, []), refAt(150))
    expect(tracker.pinnedFrom).toBe(150)
  })

  it('keeps the blocks of cleaned batches that a window still needs', () => {
    const tracker = new Tracker()
    for (const position of [10, 20]) tracker.apply(addition(), refAt(position))
    tracker.apply(allocation(1, [10]), refAt(100))
    tracker.apply(allocation(2, [20]), refAt(110))
    tracker.apply(cleanup(2, 2), refAt(120))
    expect(tracker.uncommitted()).toEqual([])
    expect(positionsOf(tracker, 1)).toEqual([])
    expect(positionsOf(tracker, 2)).toEqual([20])
    expect(tracker.pinnedFrom).toBe(20)
  })

  it('takes the oldest blocks of all streams up to a limit, but at least one', () => {
    const tracker = new Tracker()
    tracker.apply(addition(1), refAt(10))
    tracker.apply(addition(2), refAt(20))
    tracker.apply(addition(1), refAt(30))
    const taken = (bytesMax: number): number[] =>
      tracker.oldest(bytesMax).map((block) => block.ref.position)
    expect(taken(1)).toEqual([10])
    expect(taken(20)).toEqual([10, 20])
    expect(taken(29)).toEqual([10, 20])
    expect(taken(Infinity)).toEqual([10, 20, 30])
    expect(new Tracker().oldest(Infinity)).toEqual([])
  })

  it('takes no more blocks than one allocation can name', () => {
    const tracker = new Tracker()
    for (let n = 1; n <= 5; n++) tracker.apply(addition(), refAt(n * 100))
    expect(tracker.oldest(Infinity, 3)).toHaveLength(3)
  })

  it('remembers producers within a bound of bytes, the last used ones', () => {
    const marks = new ProducerMarks()
    const id = (n: number): string => `${String(n)}-${'p'.repeat(250)}`
    for (let n = 0; n < 20_000; n++) marks.raise(1, { id: id(n), sequence: 0 }, n)
    expect(marks.dropped).toBeGreaterThan(0)
    expect(marks.size + marks.dropped).toBe(20_000)
    expect(marks.highWater(1, id(0))).toBe(-1)
    expect(marks.highWater(1, id(19_999))).toBe(0)
    const again = new ProducerMarks()
    again.restore(marks.list(), marks.dropped)
    expect(again.list()).toEqual(marks.list())
  })

  it('refuses a snapshot that says something else than the events before', () => {
    const tracker = new Tracker()
    tracker.apply(addition(), refAt(10))
    const other = { ...tracker.snapshot(), unallocated: [{ streamId: 1, blocks: 2 }] }
    expect(tracker.apply(tracker.snapshot(), refAt(20))).toBe('ignored')
    expect(() => tracker.apply(other, refAt(30))).toThrow('differs from the events before')
  })

  it('forgets at a snapshot the producers that it had no room for', () => {
    const [running, again] = [new Tracker(), new Tracker()]
    for (let n = 0; n < 50; n++) {
      const event = addition(1, { id: `producer ${String(n)}`, sequence: 0 })
      for (const tracker of [running, again]) tracker.apply(event, refAt(n * 100))
    }
    const snapshot = running.beginSegment(1000)
    expect(snapshot.producers.length).toBeLessThan(50)
    expect(snapshot.producers.at(-1)?.id).toBe('producer 49')
    expect(again.apply(snapshot, refAt(6000))).toBe('ignored')
    expect(again.snapshot()).toEqual(running.snapshot())
  })

  it('misses blocks and allocations that a snapshot counts and no segment holds', () => {
    const before = new Tracker()
    before.apply(addition(), refAt(10))
    before.apply(addition(), refAt(20))
    before.apply(allocation(1, [10]), refAt(30))
    const after = new Tracker()
    after.apply(before.snapshot(), refAt(100))
    const whole = (): void => {
      after.checkWhole()
    }
    expect(whole).toThrow('1 blocks of stream 1')
    after.apply(allocation(2, [20]), refAt(110))
    expect(whole).toThrow('the allocation of batch 1 is in no segment')
    after.apply(cleanup(1), refAt(120))
    expect(whole).toThrow('batch 2 names blocks that are in no segment: 20')
    after.apply(cleanup(2), refAt(130))
    expect(whole).not.toThrow()
    expect(() => after.apply(allocation(3, [40]), refAt(140))).toThrow('fewer blocks')
  })
})

/** A step of a made-up life: what the caller does, with numbers that choose. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant('add'), fc.nat(2), fc.nat(30)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('allocate'), fc.nat(60), fc.nat(0)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('clean'), fc.nat(2), fc.nat(0)) },
)

/** Events as a store would log them, and the tracker that saw them. */
function play(steps: readonly (readonly [string, number, number])[]): {
  events: { event: TrackerEvent; position: number }[]
  tracker: Tracker
} {
  const tracker = new Tracker({ producersMax: 4 })
  const events: { event: TrackerEvent; position: number }[] = []
  let position = 0
  let time = 0
  for (const [kind, a, b] of steps) {
    position += 100
    let event: TrackerEvent
    if (kind === 'add') {
      event = addition(
        a,
        b < 25 ? { id: `p${String(b % 6)}`, sequence: position - b * 9 } : undefined,
      )
    } else if (kind === 'allocate') {
      const streams = new Map<number, number[]>()
      for (const { streamId, ref } of tracker.oldest(a)) {
        streams.set(streamId, [...(streams.get(streamId) ?? []), ref.position])
      }
      const named = [...streams].map(([streamId, positions]) => ({ streamId, positions }))
      event = { kind: 'allocation', time: ++time, streams: named, ranges: [] }
    } else {
      const next = tracker.uncommitted()[0]
      if (next === undefined) continue
      event = cleanup(next.time, Math.max(0, next.time + 1 - a))
    }
    events.push({ event, position })
    tracker.apply(event, refAt(position))
  }
  return { events, tracker }
}

describe('replay', () => {
  it('of all events gives the tracker that was running (property)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const { events, tracker } = play(steps)
        const again = new Tracker({ producersMax: 4 })
        for (const { event, position } of events) again.apply(event, refAt(position))
        again.checkWhole()
        expect(view(again, [0, 1, 2])).toEqual(view(tracker, [0, 1, 2]))
      }),
    )
  })

  it('from a snapshot at any allowed place gives it too; every snapshot agrees (property)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), fc.nat(80), fc.nat(80), (steps, i, j) => {
        const { events, tracker } = play(steps)
        const allowed = events.filter(({ position }) => position < (tracker.pinnedFrom ?? Infinity))
        const begin = Math.min(i, allowed.length)
        const running = new Tracker({ producersMax: 4 })
        const again = new Tracker({ producersMax: 4 })
        for (const [at, { event, position }] of events.entries()) {
          const met = at === begin || (at > begin && at === j)
          if (met) again.apply(running.snapshot(), refAt(position - 50))
          running.apply(event, refAt(position))
          if (at >= begin) again.apply(event, refAt(position))
        }
        if (begin === events.length) again.apply(running.snapshot(), refAt(1e6))
        again.checkWhole()
        expect(view(again, [0, 1, 2])).toEqual(view(tracker, [0, 1, 2]))
      }),
      { numRuns: 300 },
    )
  })
})

describe('producer marks', () => {
  it('forget the least recently used over the limit, and count them', () => {
    const marks = new ProducerMarks(2)
    marks.raise(1, { id: 'a', sequence: 1 }, 0)
    marks.raise(1, { id: 'b', sequence: 1 }, 0)
    expect(marks.raise(1, { id: 'a', sequence: 1 }, 5)).toBe(false)
    marks.raise(1, { id: 'c', sequence: 1 }, 0)
    expect([marks.highWater(1, 'a'), marks.highWater(1, 'b')]).toEqual([1, -1])
    expect([marks.size, marks.dropped]).toEqual([2, 1])
    const again = new ProducerMarks(2)
    again.restore(marks.list(), marks.dropped)
    expect(again.list()).toEqual(marks.list())
    expect(again.dropped).toBe(1)
  })
})
