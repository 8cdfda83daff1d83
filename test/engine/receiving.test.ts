/** Receiving beside batches: pressure, blocked batches, graceful and immediate stops. */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { type App, defineApp } from '../../src/dstream/app.ts'
import type { Engine } from '../../src/engine/engine.ts'
import { Ground } from './ground.ts'

const LINES = 500

/** Counts generated lines; the generator numbers them, so a line lost or counted twice shows. */
function lines(fail: () => boolean): App<unknown> {
  return defineApp({ name: 'lines', batchInterval: seconds(1) }, (ssc) => {
    ssc
      .generatorStream({ uid: 'lines', linesPerSecond: 100, lines: LINES })
      .map((line) => {
        if (fail()) throw new Error('not now')
        return ['all', line]
      })
      .updateStateByKey({ uid: 'count', idle: 'skip' }, (of, before: number | undefined) => {
        return (before ?? 0) + of.length
      })
      .toRows('out')
  })
}

async function advance(ground: Ground, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) await ground.clock.advance(100)
}

async function counted(engine: Engine): Promise<unknown> {
  const answer = await engine.queryState('count', 'all')
  return answer.kind === 'found' ? answer.value : 0
}

/** Lets the clock run until every line is counted; the test's time limit is the bound. */
async function drain(ground: Ground, engine: Engine): Promise<void> {
  while ((await counted(engine)) !== LINES) {
    await ground.clock.advance(1000)
    await ground.host.clock.turn()
  }
}

describe('receiving', () => {
  it('goes on while a batch is blocked, pauses at the quota, and loses nothing', async () => {
    const ground = new Ground()
    const settings = { maxAttempts: 1, logQuotaBytes: 4096, segmentBytes: 1 << 16 }
    const engine = ground.engine(
      lines(() => true),
      { settings },
    )
    await engine.start()
    await advance(ground, 30_000)
    expect(engine.blocked?.message).toContain('not now')
    const { log, inputs } = engine.status()
    expect(log.paused).toBe(true)
    expect(log.pinnedBytes).toBeGreaterThanOrEqual(4096)
    expect(inputs[0]?.records).toBeLessThan(LINES)
    await engine.stop({ graceful: true, timeoutMs: 1000 })

    const cured = ground.engine(
      lines(() => false),
      { settings },
    )
    await cured.start()
    await drain(ground, cured)
    expect(cured.status().log.paused).toBe(false)
    await advance(ground, 5000)
    expect(await counted(cured)).toBe(LINES)
    await cured.stop({ graceful: false, timeoutMs: 0 })
  })

  it('ends gracefully: what was received is counted before the stop', async () => {
    const ground = new Ground()
    const engine = ground.engine(lines(() => false))
    await engine.start()
    await advance(ground, 2500)
    const stopped = engine.stop({ graceful: true, timeoutMs: 10_000 })
    while (engine.phase !== 'stopped') await ground.clock.advance(100)
    await stopped
    const rows = ground.published.filter((p) => p.uid === 'out').flatMap((p) => p.rows)
    expect(rows.at(-1)).toEqual(['all', engine.status().inputs[0]?.records])
  })

  it('does not wait out a graceful stop once a batch is blocked', async () => {
    const ground = new Ground()
    const engine = ground.engine(
      lines(() => true),
      { settings: { maxAttempts: 2 } },
    )
    await engine.start()
    await advance(ground, 900)
    const stopped = engine.stop({ graceful: true, timeoutMs: 3_600_000 })
    while (engine.phase !== 'stopped') await ground.clock.advance(100)
    await stopped
    expect(ground.clock.now()).toBeLessThan(60_000)
  })

  it('refuses a program that lost the input of a held batch, and changes nothing', async () => {
    const ground = new Ground()
    const engine = ground.engine(
      lines(() => true),
      { settings: { maxAttempts: 1 } },
    )
    await engine.start()
    await advance(ground, 3000)
    expect(engine.blocked).toBeDefined()
    await engine.stop({ graceful: true, timeoutMs: 1000 })
    const renamed = defineApp({ name: 'lines', batchInterval: seconds(1) }, (ssc) => {
      ssc.generatorStream({ uid: 'others', linesPerSecond: 1 }).toRows('out')
    })
    const other = ground.engine(renamed, { drop: ['count'] })
    await expect(other.start()).rejects.toThrow(/no longer has the input 'lines'/)
    const cured = ground.engine(lines(() => false))
    await cured.start()
    await drain(ground, cured)
    expect(await counted(cured)).toBe(LINES)
    await cured.stop({ graceful: false, timeoutMs: 0 })
  })

  it('ends at once: what was received is counted by the next engine', async () => {
    const ground = new Ground()
    for (let life = 0; life < 4; life++) {
      const engine = ground.engine(
        lines(() => false),
        { executors: 1 + (life % 3) },
      )
      await engine.start()
      await advance(ground, 1300)
      await engine.stop({ graceful: false, timeoutMs: 0 })
    }
    const last = ground.engine(lines(() => false))
    await last.start()
    await drain(ground, last)
    await advance(ground, 3000)
    expect(await counted(last)).toBe(LINES)
    await last.stop({ graceful: false, timeoutMs: 0 })
  })
})
