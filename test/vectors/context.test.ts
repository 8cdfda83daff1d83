/**
 * Scenario vectors about the states of a streaming context, on the embedded one. See scenarios.ts.
 */
import { describe, expect, it } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { defineApp } from '../../src/dstream/app.ts'
import { EmbeddedContext } from '../../src/engine/streaming-context.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { inlineGround } from './run-inline.ts'

const app = defineApp({ name: 'idle', batchInterval: millis(50) }, (ssc) => {
  ssc.sequenceStream({ uid: 'numbers', batches: [[1]] }).toRows('rows')
})

function context(): EmbeddedContext {
  const { host, directory } = inlineGround(app, {})
  const machine = { host: { ...host, clock: nodeClock }, print: () => undefined }
  return new EmbeddedContext(machine, app, directory, {})
}

describe('a streaming context', () => {
  it('goes from INITIALIZED over ACTIVE to STOPPED', async () => {
    const ssc = context()
    expect(ssc.getState()).toBe('INITIALIZED')
    await ssc.start()
    expect(ssc.getState()).toBe('ACTIVE')
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
  })

  it('takes a second start for none', async () => {
    const ssc = context()
    await ssc.start()
    await ssc.start()
    expect(ssc.getState()).toBe('ACTIVE')
    await ssc.stop()
  })

  it('stops before it was started without an error', async () => {
    const ssc = context()
    await ssc.stop()
    expect(ssc.getState()).toBe('STOPPED')
  })

  it('does not start again after a stop', async () => {
    const ssc = context()
    await ssc.stop()
    await expect(ssc.start()).rejects.toMatchObject({ code: 'MR_STATE_INVALID' })
    expect(ssc.getState()).toBe('STOPPED')
  })
})
