/** The engine on memory: batches, state, recovery, blocked batches, changed programs. */
import { describe, expect, it } from 'vitest'
import { type Codec, json } from '../../src/base/codec.ts'
import { isMillraceError } from '../../src/base/errors.ts'
import { seconds } from '../../src/base/time.ts'
import { type App, defineApp } from '../../src/dstream/app.ts'
import { until } from '../receiver/until.ts'
import { Ground } from './ground.ts'

const BATCHES = [
  ['a', 'b', 'a'],
  ['b', 'c'],
  ['a', 'a', 'a'],
]

/** Word count with state; two outputs read it, one of them is different at every run. */
function counting(
  options: {
    fail?: () => boolean
    uid?: string
    idle?: 'call' | 'skip'
    codec?: Codec<number>
  } = {},
): App<unknown> {
  const { fail = () => false, uid = 'totals', idle = 'call', codec } = options
  return defineApp({ name: 'counting', batchInterval: seconds(1) }, (ssc) => {
    const totals = ssc
      .sequenceStream({ uid: 'words', partitions: 2, batches: BATCHES })
      .map((word) => {
        if (fail()) throw new Error(`cannot count ${word}`)
        return [word, 1]
      })
      .updateStateByKey(
        { uid, idle, ...(codec === undefined ? {} : { codec }) },
        (ones: readonly number[], before: number | undefined) => (before ?? 0) + ones.length,
      )
    totals.toRows('totals')
    totals.map(([word]) => `${word} ${String(Math.random())}`).toRows('random')
  })
}

const sorted = (rows: unknown[] | undefined): unknown[] =>
  [...(rows ?? [])].sort((a, b) => (String(a) < String(b) ? -1 : 1))

describe('an engine', () => {
  it('runs batch after batch and keeps state, the same for one to three executors', async () => {
    for (const executors of [1, 2, 3]) {
      const ground = new Ground()
      const engine = ground.engine(counting(), { executors })
      await engine.start()
      for (const time of [1000, 2000, 3000, 4000]) await ground.batch(engine, time)
      const rows = ground.rows('totals')
      expect(sorted(rows[1000])).toEqual([
        ['a', 2],
        ['b', 1],
      ])
      expect(sorted(rows[2000])).toEqual([
        ['a', 2],
        ['b', 2],
        ['c', 1],
      ])
      expect(sorted(rows[3000])).toEqual([
        ['a', 5],
        ['b', 2],
        ['c', 1],
      ])
      expect(sorted(rows[4000])).toEqual([
        ['a', 5],
        ['b', 2],
        ['c', 1],
      ])
      expect(await engine.queryState('totals', 'a')).toEqual({ kind: 'found', value: 5 })
      expect(await engine.queryState('totals', 'z')).toEqual({ kind: 'absent' })
      expect(await engine.queryState('nothing', 'a')).toEqual({ kind: 'unknownState' })
      await engine.stop({ graceful: true, timeoutMs: 1000 })
      expect(engine.phase).toBe('stopped')
    }
  })

  it('goes on where it stopped, never running a committed batch again', async () => {
    const ground = new Ground()
    for (const [life, time] of [1000, 2000, 3000].entries()) {
      const engine = ground.engine(counting(), { executors: life + 1 })
      await engine.start()
      await ground.batch(engine, time)
      await engine.stop({ graceful: false, timeoutMs: 0 })
    }
    expect(ground.published.filter((p) => p.uid === 'totals').map((p) => p.time)).toEqual([
      1000, 2000, 3000,
    ])
    expect(sorted(ground.rows('totals')[3000])).toEqual([
      ['a', 5],
      ['b', 2],
      ['c', 1],
    ])
  })

  it('runs missed batch times when a state must see them, else passes over them', async () => {
    for (const idle of ['call', 'skip'] as const) {
      const ground = new Ground()
      const first = ground.engine(counting({ idle }))
      await first.start()
      await ground.batch(first, 1000)
      await first.stop({ graceful: false, timeoutMs: 0 })
      await ground.clock.advance(9000)
      const second = ground.engine(counting({ idle }))
      await second.start()
      await second.settled(10_000)
      const times = ground.published.filter((p) => p.uid === 'totals').map((p) => p.time)
      if (idle === 'skip') expect(times).toEqual([1000, 10_000])
      else expect(times).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => n * 1000))
      await second.stop({ graceful: false, timeoutMs: 0 })
    }
  })

  it('tries a failed batch again with the same input, and counts it once', async () => {
    const ground = new Ground()
    let failures = 2
    const fail = (): boolean => failures > 0 && failures-- > 0
    const engine = ground.engine(counting({ fail }), { executors: 1 })
    await engine.start()
    const done = ground.batch(engine, 1000)
    while (engine.progress?.time === 0) await ground.clock.advance(100)
    await done
    expect(sorted(ground.rows('totals')[1000])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    expect(engine.status().totals.retries).toBeGreaterThan(0)
    await engine.stop({ graceful: false, timeoutMs: 0 })
  })

  it('holds a batch that keeps failing, and gives it its input after a restart', async () => {
    const ground = new Ground()
    const engine = ground.engine(counting({ fail: () => true }), { settings: { maxAttempts: 1 } })
    await engine.start()
    await ground.batch(engine, 1000)
    expect(engine.blocked).toMatchObject({ time: 1000, code: 'MR_USER_FUNCTION_FAILED' })
    expect(engine.blocked?.message).toContain('cannot count')
    expect(engine.blocked?.place).toContain('engine.test.ts:')
    await engine.stop({ graceful: true, timeoutMs: 1000 })
    expect(ground.published).toEqual([])

    const cured = ground.engine(counting())
    await cured.start()
    await cured.settled(1000)
    expect(sorted(ground.rows('totals')[1000])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
    await cured.stop({ graceful: false, timeoutMs: 0 })
  })

  it('tries a held batch again when it is asked to, with all its attempts', async () => {
    const ground = new Ground()
    let broken = true
    const app = counting({ fail: () => broken })
    const engine = ground.engine(app, { settings: { maxAttempts: 1 } })
    await engine.start()
    expect(engine.retryHeld()).toBeUndefined()
    await ground.batch(engine, 1000)
    expect(engine.retryHeld()).toMatchObject({ time: 1000, attempts: 1 })
    await until('it is held again', () => engine.blocked?.attempts === 2)
    broken = false
    expect(engine.retryHeld()).toMatchObject({ time: 1000, attempts: 2 })
    await until('it is tried', () => engine.blocked === undefined)
    await engine.settled(1000)
    expect(engine.blocked).toBeUndefined()
    expect(engine.retryHeld()).toBeUndefined()
    expect(Object.keys(ground.rows('totals'))).toContain('1000')
    await engine.stop({ graceful: false, timeoutMs: 0 })
  })

  it('ends with the error of the program when it is told to fail fast', async () => {
    const ground = new Ground()
    const settings = { maxAttempts: 1, failFast: true }
    const engine = ground.engine(counting({ fail: () => true }), { settings })
    await engine.start()
    await ground.batch(engine, 1000)
    await expect(engine.terminated()).rejects.toThrow(/cannot count/)
    expect(engine.phase).toBe('failed')
  })

  it('refuses a program that lost a state, until it is dropped by name', async () => {
    const ground = new Ground()
    const first = ground.engine(counting())
    await first.start()
    await ground.batch(first, 1000)
    await first.stop({ graceful: false, timeoutMs: 0 })
    const renamed = counting({ uid: 'other' })
    const refused = await ground
      .engine(renamed)
      .start()
      .catch((error: unknown) => error)
    expect(isMillraceError(refused, 'MR_SHAPE_CHANGED')).toBe(true)
    const typo = ground.engine(renamed, { drop: ['totls'] })
    await expect(typo.start()).rejects.toThrow(/drop it by name: --drop-state totals/)
    const had = ground.engine(counting(), { drop: ['totals'] })
    await expect(had.start()).rejects.toThrow(/the program still has the state 'totals'/)
    const dropped = ground.engine(renamed, { drop: ['totals'] })
    await dropped.start()
    await ground.batch(dropped, 2000)
    expect(sorted(ground.rows('totals')[2000])).toEqual([
      ['b', 1],
      ['c', 1],
    ])
    await dropped.stop({ graceful: false, timeoutMs: 0 })
  })

  it('goes on counting when its codec changes from the default to JSON, and back', async () => {
    const ground = new Ground()
    // Idle keys are skipped: after the second batch 'a' has the default's form and 'b' JSON's.
    const lives = [undefined, json<number>(), undefined] as const
    for (const [life, codec] of lives.entries()) {
      const options = codec === undefined ? {} : { codec }
      const engine = ground.engine(counting({ idle: 'skip', ...options }))
      await engine.start()
      await ground.batch(engine, (life + 1) * 1000)
      const [a, b] = [
        await engine.queryState('totals', 'a'),
        await engine.queryState('totals', 'b'),
      ]
      expect(a).toEqual({ kind: 'found', value: [2, 2, 5][life] })
      expect(b).toEqual({ kind: 'found', value: [1, 2, 2][life] })
      expect(engine.status().states).toMatchObject([{ codecVersion: codec === undefined ? 1 : 2 }])
      await engine.stop({ graceful: false, timeoutMs: 0 })
    }
    expect([1000, 2000, 3000].map((time) => sorted(ground.rows('totals')[time]))).toEqual([
      [
        ['a', 2],
        ['b', 1],
      ],
      [
        ['b', 2],
        ['c', 1],
      ],
      [['a', 5]],
    ])
  })

  it('refuses state without a directory, and a queue with one', async () => {
    const ground = new Ground()
    const stateless = await ground
      .engine(counting(), { directory: undefined })
      .start()
      .catch((error: unknown) => error)
    expect(isMillraceError(stateless, 'MR_CHECKPOINT_REQUIRED')).toBe(true)
    const queue = defineApp({ name: 'queue', batchInterval: seconds(1) }, (ssc) => {
      ssc.queueStream([['x']]).toRows('out')
    })
    const refused = await ground
      .engine(queue)
      .start()
      .catch((error: unknown) => error)
    expect(String(refused)).toContain("queueStream doesn't support checkpointing")
  })

  it('tells listeners of each batch, its records and its delays', async () => {
    const ground = new Ground()
    const engine = ground.engine(counting())
    const heard: string[] = []
    engine.addStreamingListener({
      onStreamingStarted: () => heard.push('started'),
      onBatchSubmitted: (b) => heard.push(`submitted ${String(b.batchTime)}`),
      onBatchStarted: (b) => heard.push(`running ${String(b.schedulingDelay)}`),
      onBatchCompleted: (b) => heard.push(`completed ${String(b.processingDelay)}`),
      onOutputOperationCompleted: (o) => heard.push(`output ${String(o.id)}`),
    })
    await engine.start()
    await ground.batch(engine, 1000)
    await engine.stop({ graceful: false, timeoutMs: 0 })
    expect(heard).toEqual([
      'started',
      'submitted 1000',
      'running 0',
      'output 0',
      'output 1',
      'completed 0',
    ])
  })
})
