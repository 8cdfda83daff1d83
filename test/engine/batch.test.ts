/** The life of one batch: which moves are legal, and what is told of it at each point. */
import { describe, expect, it } from 'vitest'
import { Batch } from '../../src/engine/batch.ts'

const failure = { code: 'MR_USER_FUNCTION_FAILED', message: 'boom', place: 'app.ts:3:5' }

const queued = (): Batch =>
  new Batch(1000, { 0: 2, 1: 3 }, 1005, [
    {
      outputId: 0,
      uid: 'out',
      kind: 'print',
      parameters: {},
      node: 4,
      place: { operator: 'print' },
    },
  ])

describe('a batch', () => {
  it('is told with its records and delays when it is complete', () => {
    const batch = queued()
    expect(batch.status()).toMatchObject({ status: 'QUEUED', records: 5, attempts: 0 })
    batch.startAttempt(1010)
    batch.committing()
    batch.publishing()
    batch.complete(1030)
    expect(batch.status()).toMatchObject({ status: 'COMPLETED', startedAt: 1010, endedAt: 1030 })
    expect(batch.info()).toMatchObject({
      numRecords: 5,
      schedulingDelay: 5,
      processingDelay: 20,
      totalDelay: 25,
    })
  })

  it('has no delays before it started, and no processing delay before it ended', () => {
    const batch = queued()
    expect(batch.info()).not.toHaveProperty('schedulingDelay')
    batch.startAttempt(1010)
    expect(batch.info()).toHaveProperty('schedulingDelay', 5)
    expect(batch.info()).not.toHaveProperty('processingDelay')
  })

  it('keeps its error while it waits and is blocked, and loses it when an attempt succeeds', () => {
    const batch = queued()
    batch.startAttempt(1010)
    batch.fail(failure, 'waiting')
    expect(batch.status()).toMatchObject({ status: 'PROCESSING', error: 'boom' })
    batch.startAttempt(1020)
    batch.fail(failure, 'blocked')
    expect(batch.status()).toMatchObject({ status: 'BLOCKED', attempts: 2 })
    batch.startAttempt(1030)
    batch.committing()
    expect(batch.status()).not.toHaveProperty('error')
  })

  it('refuses to be published before it is committed', () => {
    const batch = queued()
    batch.startAttempt(1010)
    expect(() => {
      batch.publishing()
    }).toThrow(/running → publishing/)
  })
})
