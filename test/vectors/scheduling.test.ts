/**
 * Scenario vectors of timers, life cycle and reporting, translated to the engine: what they
 * promise, on our parts. The table in scenarios.ts says which test stands for which vector.
 */
import { describe, expect, it } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { defineApp, type App } from '../../src/dstream/app.ts'
import type { ReceiverContext } from '../../src/dstream/custom-receiver.ts'
import type { BatchInfo } from '../../src/engine/listener-bus.ts'
import { EngineKit, halt } from './engine-kit.ts'

const MS = 100
const GRACE_MS = 60_000
const UID = 'rows'

/** Batches [1], [2], [3] … as they are. */
const counting = (body: (x: number) => number = (x) => x): App<unknown> =>
  defineApp({ name: 'counting', batchInterval: millis(MS) }, (ssc) => {
    const batches = [[1], [2], [3], [4], [5], [6], [7], [8], [9]]
    ssc.sequenceStream({ uid: 'numbers', partitions: 1, batches }).map(body).toRows(UID)
  })

const summing = (): App<unknown> =>
  defineApp({ name: 'summing', batchInterval: millis(MS) }, (ssc) => {
    ssc
      .sequenceStream({ uid: 'numbers', partitions: 1, batches: [[1], [2], [3]] })
      .map((x) => ['sum', x])
      .updateStateByKey<string, number, number>({ uid: 'sum' }, (xs, before) =>
        xs.reduce((a, b) => a + b, before ?? 0),
      )
      .toRows(UID)
  })

/** A program with a receiver that is driven from outside. */
function received(): { app: App<unknown>; store: (records: readonly string[]) => Promise<void> } {
  let context: ReceiverContext<string> | undefined
  const app = defineApp({ name: 'received', batchInterval: millis(MS) }, (ssc) => {
    ssc
      .receiverStream<string>({ uid: 'words' }, () => ({
        onStart: (given) => {
          context = given
        },
      }))
      .toRows(UID)
  })
  return { app, store: async (records) => await context?.store(records) }
}

describe('stopping gracefully', () => {
  it('runs one more batch for what is stored, and then no further one', async () => {
    const { app, store } = received()
    const kit = new EngineKit(app)
    const engine = kit.engine()
    await engine.start()
    await kit.batches(engine, MS, 1)
    await store(['a', 'b', 'c'])
    const stopped = engine.stop({ graceful: true, timeoutMs: GRACE_MS })
    await kit.clock.advance(5 * MS)
    await stopped
    expect(kit.published.flatMap((batch) => batch.rows)).toEqual(['a', 'b', 'c'])
    expect(engine.progress?.time).toBe(2 * MS)
    expect(engine.phase).toBe('stopped')
  })

  it('does not fail over a batch whose source has stopped already', async () => {
    const { app, store } = received()
    const kit = new EngineKit(app)
    const engine = kit.engine()
    await engine.start()
    await store(['a'])
    const stopped = engine.stop({ graceful: true, timeoutMs: GRACE_MS })
    await kit.clock.advance(100 * MS)
    await stopped
    await expect(engine.terminated()).resolves.toBeUndefined()
    expect(kit.published.flatMap((batch) => batch.rows)).toEqual(['a'])
  })
})

describe('after a restart', () => {
  it('committed batches are not run again and time that passed is moved over', async () => {
    const kit = new EngineKit(counting())
    const first = kit.engine()
    await first.start()
    await kit.batches(first, MS, 3)
    await halt(first)
    await kit.clock.advance(4 * MS + 10)
    const second = kit.engine()
    await second.start()
    await second.settled(7 * MS)
    await kit.clock.advance(MS)
    await second.settled(8 * MS)
    await halt(second)
    expect(kit.published).toEqual([
      { time: 100, rows: [1] },
      { time: 200, rows: [2] },
      { time: 300, rows: [3] },
      { time: 700, rows: [4] },
      { time: 800, rows: [5] },
    ])
  })

  it('every batch time that passed is run where a state is called in each', async () => {
    const kit = new EngineKit(summing())
    const first = kit.engine()
    await first.start()
    await kit.batches(first, MS, 2)
    await halt(first)
    await kit.clock.advance(3 * MS)
    const second = kit.engine()
    await second.start()
    await second.settled(5 * MS)
    await halt(second)
    expect(kit.times).toEqual([100, 200, 300, 400, 500])
    expect(kit.published.map((batch) => batch.rows)).toEqual(
      [1, 3, 6, 6, 6].map((sum) => [['sum', sum]]),
    )
  })

  it('a batch that was begun and not committed is run first, with the same input', async () => {
    let broken = true
    const kit = new EngineKit(
      counting((x) => {
        if (broken && x === 2) throw new Error('not yet')
        return x
      }),
    )
    const first = kit.engine()
    await first.start()
    await kit.batches(first, MS, 2)
    expect(first.blocked?.time).toBe(2 * MS)
    await halt(first)
    broken = false
    const second = kit.engine()
    await second.start()
    await halt(second)
    expect(kit.published).toEqual([
      { time: 100, rows: [1] },
      { time: 200, rows: [2] },
    ])
  })
})

describe('the life cycle', () => {
  it('lets a failed start leave nothing behind that would hinder the next one', async () => {
    let broken = true
    const app = defineApp({ name: 'broken', batchInterval: millis(MS) }, (ssc) => {
      const stream = ssc.sequenceStream({ uid: 'numbers', batches: [[1]] })
      if (!broken) stream.toRows(UID)
    })
    const kit = new EngineKit(app)
    const first = kit.engine()
    await expect(first.start()).rejects.toMatchObject({ code: 'MR_GRAPH_INVALID' })
    expect(first.phase).toBe('failed')
    broken = false
    const second = kit.engine()
    await second.start()
    await kit.batches(second, MS, 1)
    await halt(second)
    expect(kit.published).toEqual([{ time: 100, rows: [1] }])
  })

  it('tells those who wait for its end only when it ends', async () => {
    const kit = new EngineKit(counting())
    const engine = kit.engine()
    await engine.start()
    let ended = false
    const end = engine.terminated().then(() => {
      ended = true
    })
    await kit.batches(engine, MS, 2)
    expect(ended).toBe(false)
    await halt(engine)
    await end
    expect(ended).toBe(true)
  })

  it('does not mind an input that no output uses', async () => {
    const app = defineApp({ name: 'unused', batchInterval: millis(MS) }, (ssc) => {
      ssc.sequenceStream({ uid: 'unused', batches: [[1]] })
      ssc.sequenceStream({ uid: 'used', batches: [[2], [3]] }).toRows(UID)
    })
    const kit = new EngineKit(app)
    const engine = kit.engine()
    await engine.start()
    await kit.batches(engine, MS, 2)
    await halt(engine)
    expect(kit.published.map((batch) => batch.rows)).toEqual([[2], [3]])
  })
})

describe('outputs and queues', () => {
  it('calls foreachRDD once a batch, beside other outputs', async () => {
    const seen: (readonly number[])[] = []
    const times: number[] = []
    const app = defineApp({ name: 'foreach', batchInterval: millis(MS) }, (ssc) => {
      const batches = [
        [1, 1, 1],
        [1, 1, 1],
      ]
      const ones = ssc.sequenceStream({ uid: 'ones', partitions: 1, batches })
      ones.count().toRows(UID)
      ones.foreachRDD(async (dataset, { time }) => {
        seen.push(await dataset.collect())
        times.push(time)
      })
    })
    const kit = new EngineKit(app)
    const engine = kit.engine()
    await engine.start()
    await kit.batches(engine, MS, 2)
    await halt(engine)
    expect(times).toEqual([100, 200])
    expect(seen.flat()).toHaveLength(6)
    expect(kit.published.map((batch) => batch.rows)).toEqual([[3], [3]])
  })

  it('gives one queued dataset to each batch', async () => {
    const datasets = [
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]
    const app = defineApp({ name: 'queue', batchInterval: millis(MS) }, (ssc) => {
      ssc.queueStream(datasets.slice()).toRows(UID)
    })
    const kit = new EngineKit(app, { ephemeral: true })
    const engine = kit.engine()
    await engine.start()
    await kit.batches(engine, MS, 3)
    await halt(engine)
    expect(kit.published.map((batch) => batch.rows)).toEqual(datasets)
  })
})

describe('reporting', () => {
  it('tells of every batch when it is submitted, started and completed', async () => {
    const submitted: BatchInfo[] = []
    const started: BatchInfo[] = []
    const completed: BatchInfo[] = []
    const kit = new EngineKit(counting())
    const engine = kit.engine({
      onBatchSubmitted: (batch) => submitted.push(batch),
      onBatchStarted: (batch) => started.push(batch),
      onBatchCompleted: (batch) => completed.push(batch),
    })
    await engine.start()
    await kit.batches(engine, MS, 4)
    await halt(engine)
    const times = [100, 200, 300, 400]
    for (const events of [submitted, started, completed]) {
      expect(events.map((batch) => batch.batchTime)).toEqual(times)
      expect(events.map((batch) => batch.numRecords)).toEqual([1, 1, 1, 1])
      expect(events.map((batch) => batch.streamIdToInputInfo[0]?.records)).toEqual([1, 1, 1, 1])
    }
    for (const batch of submitted) expect(batch.schedulingDelay).toBeUndefined()
    for (const batch of started) {
      expect(batch.schedulingDelay).toBeGreaterThanOrEqual(0)
      expect(batch.processingDelay).toBeUndefined()
      expect(batch.totalDelay).toBeUndefined()
    }
    for (const batch of completed) {
      expect(batch.processingDelay).toBeGreaterThanOrEqual(0)
      expect(batch.totalDelay).toBeGreaterThanOrEqual(batch.processingDelay ?? Infinity)
    }
  })
})
