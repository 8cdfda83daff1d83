/** The admin API, by requests sent into it and by a real socket. */
import { describe, expect, it } from 'vitest'
import type { EngineView } from '../../src/admin/engine-view.ts'
import type { QueryAnswer } from '../../src/executor/attempt.ts'
import { createAdminApp, startAdminServer } from '../../src/admin/server.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { EngineStatus } from '../../src/engine/status.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { START, batch, engineStatus, engineView, output } from './fake-engine.ts'

const STREAMING = '/api/v1/applications/word%20count/streaming'

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly text: string
}

/** Asks a server over `view` and closes it. */
async function ask(
  view: EngineView | undefined,
  url: string,
  headers: Record<string, string> = {},
  method: 'GET' | 'POST' = 'GET',
): Promise<Answer> {
  const clock = new ManualClock(START + 5000)
  const admin = createAdminApp({ host: '127.0.0.1', port: 0, clock, engine: () => view })
  try {
    const reply = await admin.server.inject({ method, url, headers })
    const json = reply.headers['content-type']?.toString().includes('json') === true
    return {
      status: reply.statusCode,
      body: json ? reply.json() : undefined,
      text: reply.payload,
    }
  } finally {
    await admin.close()
    expect(clock.waiting).toBe(0)
  }
}

const get = (url: string, changes: Partial<EngineStatus> = {}): Promise<Answer> =>
  ask(
    engineView(() => engineStatus(changes)),
    url,
  )

describe('health', () => {
  it('lives and is neither started nor ready before there is an engine', async () => {
    expect(await ask(undefined, '/livez')).toMatchObject({ status: 200, body: { alive: true } })
    expect(await ask(undefined, '/startupz')).toMatchObject({ status: 503 })
    expect(await ask(undefined, '/readyz')).toMatchObject({
      status: 503,
      body: { ready: false, reasons: [{ kind: 'starting' }] },
    })
    expect(await ask(undefined, '/metrics')).toMatchObject({ status: 200 })
    expect(await ask(undefined, '/api/v1/applications')).toMatchObject({
      status: 503,
      body: { code: 'MR_STATE_INVALID' },
    })
  })

  it('tells the step of recovery', async () => {
    const recovery = { step: 'reading the log', index: 2, steps: 8, done: 40, total: 100 }
    const recovering = { phase: 'starting', recovery } as const
    expect(await get('/startupz', recovering)).toMatchObject({
      status: 503,
      body: { started: false, phase: 'starting', recovery },
    })
    expect(await get('/readyz', recovering)).toMatchObject({
      status: 503,
      body: {
        reasons: [
          {
            kind: 'recovering',
            step: 'reading the log',
            message: 'reading the log (3 of 8), 40 of 100',
          },
        ],
      },
    })
  })

  it('is ready when it runs', async () => {
    expect(await get('/readyz')).toMatchObject({ status: 200, body: { ready: true, reasons: [] } })
    expect(await get('/startupz')).toMatchObject({ status: 200, body: { started: true } })
  })

  it('says what holds a batch, where, and since when', async () => {
    const blocked = {
      time: START,
      attempts: 4,
      code: 'MR_USER_FUNCTION_FAILED',
      message: 'boom',
      place: 'app.ts:7:3',
      since: START + 3000,
    }
    const { status, text } = await get('/readyz', { blocked })
    expect(status).toBe(503)
    for (const part of ['boom', 'app.ts:7:3', 'MR_USER_FUNCTION_FAILED', '4 attempts', '2 s']) {
      expect(text).toContain(part)
    }
  })

  it('tries a held batch again, and says when none is held or a foreign page asks', async () => {
    const held = { time: START, attempts: 4, code: 'X', message: 'boom', since: START }
    const post = async (retry: boolean, headers: Record<string, string> = {}): Promise<Answer> => {
      const view = engineView(
        () => engineStatus(),
        () => Promise.resolve({ kind: 'absent' }),
        () => (retry ? held : undefined),
      )
      return await ask(view, `${STREAMING}/batches/retry`, headers, 'POST')
    }
    expect(await post(true)).toMatchObject({
      status: 202,
      body: { batchId: START, attempts: 4 },
    })
    expect(await post(false)).toMatchObject({ status: 409, body: { code: 'MR_NO_BATCH_HELD' } })
    expect(await post(true, { origin: 'https://example.org' })).toMatchObject({ status: 403 })
  })

  it('says that receiving is paused, and gives every reason there is', async () => {
    const log = { ...engineStatus().log, paused: true }
    const { body } = await get('/readyz', { log, phase: 'stopping' })
    expect(body).toMatchObject({ reasons: [{ kind: 'ending' }, { kind: 'paused' }] })
  })
})

describe("Spark's streaming API", () => {
  it('gives the statistics, averages over waiting, running and completed batches', async () => {
    const { body } = await get(`${STREAMING}/statistics`)
    expect(body).toEqual({
      startTime: '2026-01-31T12:00:00.000GMT',
      batchDuration: 1000,
      numReceivers: 1,
      numActiveReceivers: 1,
      numInactiveReceivers: 0,
      numTotalCompletedBatches: 12,
      numRetainedCompletedBatches: 2,
      numActiveBatches: 2,
      numProcessedRecords: 150,
      numReceivedRecords: 170,
      avgInputRate: 25,
      avgSchedulingDelay: 10,
      avgProcessingTime: 70,
      avgTotalDelay: 80,
    })
  })

  it('leaves out what is not known yet', async () => {
    const { body } = await get(`${STREAMING}/statistics`, { batches: [] })
    expect(body).not.toHaveProperty('avgInputRate')
    expect(body).not.toHaveProperty('avgTotalDelay')
  })

  it('lists every input as a receiver, and one by its id', async () => {
    const { body } = await get(`${STREAMING}/receivers`)
    expect(body).toMatchObject([{ streamId: 0 }, { streamId: 1, streamName: 'sequence seq' }])
    const one = await get(`${STREAMING}/receivers/0`)
    expect(one.body).toEqual({
      streamId: 0,
      streamName: 'socket lines',
      isActive: true,
      executorId: 'driver',
      executorHost: 'localhost',
      lastErrorTime: '2026-01-31T12:00:00.500GMT',
      lastErrorMessage: 'connection refused',
      lastError: 'connection refused',
      avgEventRate: 25,
      eventRates: [
        [START + 1000, 10],
        [START + 2000, 40],
        [START + 3000, 20],
        [START + 4000, 30],
      ],
    })
    expect(await get(`${STREAMING}/receivers/1`)).toMatchObject({ status: 200 })
    expect((await get(`${STREAMING}/receivers/1`)).body).not.toHaveProperty('isActive')
  })

  it('lists batches newest first', async () => {
    const { body } = await get(`${STREAMING}/batches`)
    expect(body).toMatchObject([
      { batchId: START + 4000, status: 'QUEUED' },
      { batchId: START + 3000, status: 'PROCESSING' },
      { batchId: START + 2000, status: 'COMPLETED' },
      { batchId: START + 1000, status: 'COMPLETED' },
    ])
  })

  it('filters batches by status, which may be repeated', async () => {
    const one = await get(`${STREAMING}/batches?status=QUEUED`)
    expect(one.body).toMatchObject([{ batchId: START + 4000 }])
    expect(one.body).toHaveLength(1)
    const two = await get(`${STREAMING}/batches?status=QUEUED&status=COMPLETED`)
    expect(two.body).toHaveLength(3)
    const wrong = await get(`${STREAMING}/batches?status=DONE`)
    expect(wrong).toMatchObject({ status: 400, body: { code: 'MR_REQUEST_INVALID' } })
  })

  it('gives a batch with its delays and operations', async () => {
    const failed = batch(START, 7, {
      status: 'BLOCKED',
      outputs: [output(0, 'completed'), output(1, 'failed', 'boom'), output(2, 'waiting')],
    })
    const one = await get(`${STREAMING}/batches/${String(START)}`, { batches: [failed] })
    expect(one.body).toEqual({
      batchId: START,
      batchTime: '2026-01-31T12:00:00.000GMT',
      status: 'BLOCKED',
      batchDuration: 1000,
      inputSize: 7,
      schedulingDelay: 10,
      processingTime: 40,
      totalDelay: 50,
      numActiveOutputOps: 0,
      numCompletedOutputOps: 1,
      numFailedOutputOps: 1,
      numTotalOutputOps: 3,
      firstFailureReason: 'boom',
    })
    const path = `${STREAMING}/batches/${String(START)}/operations`
    const all = await get(path, { batches: [failed] })
    expect(all.body).toHaveLength(3)
    expect((await get(`${path}/1`, { batches: [failed] })).body).toEqual({
      outputOpId: 1,
      name: 'print-1',
      description: 'print at app.ts:1:1',
      startTime: '2026-01-31T12:00:00.010GMT',
      endTime: '2026-01-31T12:00:00.050GMT',
      duration: 40,
      failureReason: 'boom',
      jobIds: [],
    })
  })

  it.each([
    ['/api/v1/applications/other/streaming/statistics', 'unknown app: other'],
    [`${STREAMING}/receivers/9`, 'unknown receiver: 9'],
    [`${STREAMING}/batches/9`, 'unknown batch: 9'],
    [`${STREAMING}/batches/9/operations`, 'unknown batch: 9'],
    [`${STREAMING}/batches/${String(START + 1000)}/operations/9`, 'unknown output operation: 9'],
    ['/nothing', 'there is no GET /nothing'],
  ])('answers 404 to %s', async (url, message) => {
    expect(await get(url)).toMatchObject({ status: 404, body: { code: 'MR_NOT_FOUND', message } })
  })

  it('lists the application', async () => {
    const { body } = await get('/api/v1/applications')
    expect(body).toMatchObject([
      { id: 'word count', name: 'word count', attempts: [{ completed: false, duration: 5000 }] },
    ])
    expect(await get('/api/v1/applications/word%20count')).toMatchObject({ status: 200 })
  })
})

describe('state', () => {
  const asked: unknown[] = []
  const query = (answer: QueryAnswer | MillraceError, url: string): Promise<Answer> => {
    asked.length = 0
    const view = engineView(engineStatus, async (uid, key) => {
      asked.push([uid, key])
      if (answer instanceof MillraceError) throw answer
      return await Promise.resolve(answer)
    })
    return ask(view, url)
  }
  const path = (uid: string, key: unknown): string =>
    `/state/${encodeURIComponent(uid)}/${encodeURIComponent(JSON.stringify(key))}`

  it.each([
    ['a text', 'word'],
    ['signs that a path would take', 'a/b c%'],
    ['a number', 42],
    ['a tuple', ['user', 7]],
    ['other letters', 'ключ'],
    ['a long text', 'x'.repeat(2000)],
  ])('is found by %s', async (_, key) => {
    const answer = await query({ kind: 'found', value: { n: 1 } }, path('to/tal', key))
    expect(answer).toMatchObject({ status: 200, body: { key, value: { n: 1 } } })
    expect(asked).toEqual([['to/tal', key]])
  })

  it('is absent, or of no such name, or asked for by what is no key', async () => {
    expect(await query({ kind: 'absent' }, path('total', 'x'))).toMatchObject({
      status: 404,
      body: { code: 'MR_NOT_FOUND', message: 'state \'total\' has no key "x"' },
    })
    expect(await query({ kind: 'unknownState' }, path('totals', 'x'))).toMatchObject({
      status: 404,
      body: { message: 'unknown state: totals (there are total)' },
    })
    expect(await query({ kind: 'absent' }, '/state/total/word')).toMatchObject({
      status: 400,
      body: { code: 'MR_REQUEST_INVALID' },
    })
    expect(asked).toEqual([])
    const refused = new MillraceError('MR_KEY_INVALID', 'no key')
    expect(await query(refused, path('total', {}))).toMatchObject({
      status: 400,
      body: { code: 'MR_KEY_INVALID' },
    })
  })

  it('is shown as JSON that says what it was', async () => {
    const value = new Map<unknown, unknown>([['a', new Set([1n])]])
    const answer = await query({ kind: 'found', value }, path('total', 'x'))
    expect(answer.body).toEqual({ key: 'x', value: { map: [['a', { set: [{ bigint: '1' }] }]] } })
  })

  it('is found by a key of 64 KiB, however it is written, over a socket', async () => {
    const key = 'é'.repeat(32_000)
    const view = engineView(engineStatus, () => Promise.resolve({ kind: 'found', value: 1 }))
    const options = { host: '127.0.0.1', port: 0, clock: nodeClock, engine: () => view }
    const admin = await startAdminServer(options)
    try {
      const reply = await fetch(`${admin.url}${path('total', key)}`)
      expect(await reply.json()).toEqual({ key, value: 1 })
      const long = await fetch(`${admin.url}${path('total', key.repeat(2))}`)
      expect([long.status, await long.json()]).toEqual([
        431,
        { code: 'MR_REQUEST_INVALID', message: 'path and headers are too long' },
      ])
    } finally {
      await admin.close()
    }
  })

  it('is not asked for by a path that cannot be decoded', async () => {
    expect(await query({ kind: 'absent' }, '/state/total/%E0%A4%A')).toMatchObject({
      status: 400,
      body: { code: 'MR_REQUEST_INVALID' },
    })
  })

  it('is unavailable for a while when its executor died', async () => {
    const died = new MillraceError('MR_EXECUTOR_DIED', 'gone')
    expect(await query(died, path('total', 'x'))).toMatchObject({
      status: 503,
      body: { code: 'MR_EXECUTOR_DIED' },
    })
  })

  it('is not waited for without end', async () => {
    const clock = new ManualClock(0)
    const view = engineView(engineStatus, () => new Promise(() => undefined))
    const admin = createAdminApp({ host: '127.0.0.1', port: 0, clock, engine: () => view })
    const reply = admin.server.inject({ method: 'GET', url: path('total', 'x') })
    const before = clock.waiting
    while (clock.waiting === before) await nodeClock.turn()
    await clock.advance(10_000)
    expect((await reply).statusCode).toBe(503)
    await admin.close()
  })

  it('hides what went wrong inside behind a status of 500', async () => {
    const view = engineView(engineStatus, () => Promise.reject(new Error('inside')))
    const answer = await ask(view, path('total', 'x'))
    expect(answer).toMatchObject({ status: 500, body: { code: 'MR_INTERNAL' } })
  })
})

describe('the server', () => {
  it('answers only requests addressed to a loopback name', async () => {
    const view = engineView(engineStatus)
    expect(await ask(view, '/livez', { host: 'evil.example:4040' })).toMatchObject({ status: 403 })
    for (const host of ['localhost:4040', '127.0.0.1', '[::1]:4040']) {
      expect(await ask(view, '/livez', { host })).toMatchObject({ status: 200 })
    }
  })

  it('refuses an address that is not loopback', async () => {
    const options = { host: '0.0.0.0', port: 0, clock: nodeClock, engine: () => undefined }
    await expect(startAdminServer(options)).rejects.toMatchObject({ code: 'MR_CONFIG_INVALID' })
  })

  it('listens, and says when its port is taken', async () => {
    const options = { host: '127.0.0.1', port: 0, clock: nodeClock, engine: () => undefined }
    const admin = await startAdminServer(options)
    try {
      const reply = await fetch(`${admin.url}/livez`)
      expect(await reply.json()).toEqual({ alive: true })
      const port = Number(new URL(admin.url).port)
      const second = startAdminServer({ ...options, port })
      await expect(second).rejects.toMatchObject({ code: 'MR_ADDRESS_IN_USE' })
    } finally {
      await admin.close()
    }
  })
})
