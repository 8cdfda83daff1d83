/** Records by HTTP, over real connections on the loopback. */
import { fc, test } from '@fast-check/vitest'
import { afterEach, describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { httpReceiver } from '../../src/sources/http.ts'
import { until } from '../receiver/until.ts'
import { chunked, closeAll, closeLater, numbered, post, raw, run, send } from './http-client.ts'
import { inputOf, sourceWorld } from './source-test.ts'

afterEach(closeAll)

describe('a POST', () => {
  it('makes its lines one block and is answered with their number', async () => {
    const { url, sink } = await run()
    expect(await post(url, 'one\r\ntwo\n\nlast')).toMatchObject({
      status: 200,
      body: { records: 4 },
    })
    expect(sink.blocks).toHaveLength(1)
    expect(sink.text).toBe('one\ntwo\n\nlast\n')
  })

  it('is answered only when its block is durable', async () => {
    const { url, sink } = await run()
    const open = sink.hold()
    let answered = false
    const reply = post(url, 'held').then((r) => {
      answered = true
      return r
    })
    await until('the block is on its way', () => sink.adding === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(answered).toBe(false)
    open()
    expect(await reply).toMatchObject({ status: 200, body: { records: 1 } })
  })

  it('takes NDJSON line by line and JSON as one record', async () => {
    const { url, sink } = await run()
    const lines = { 'content-type': 'application/x-ndjson' }
    expect(await post(url, '{"a":1}\n{"a":2}\n', lines)).toMatchObject({ body: { records: 2 } })
    const json = { 'content-type': 'application/json; charset=utf-8' }
    const pretty = JSON.stringify({ text: 'a\nb', list: [1, 2] }, null, 2)
    expect(await post(url, `${pretty}\r\n`, json)).toMatchObject({ body: { records: 1 } })
    const last = sink.text.split('\n').at(-2) ?? ''
    expect(JSON.parse(last)).toEqual({ text: 'a\nb', list: [1, 2] })
  })

  it('without a content type is text', async () => {
    const { url, sink } = await run()
    const body = new Uint8Array(Buffer.from('bare\n'))
    expect(await send(url, { method: 'POST', body })).toMatchObject({ status: 200 })
    expect(sink.text).toBe('bare\n')
  })

  it('without a body is 0 records and stores nothing', async () => {
    const { url, sink } = await run()
    expect(await send(url, { method: 'POST' })).toMatchObject({ status: 200, body: { records: 0 } })
    expect(await post(url, '')).toMatchObject({ body: { records: 0 } })
    expect(sink.blocks).toHaveLength(0)
  })

  it('is refused whole, naming the line, when one line is too long or not UTF-8', async () => {
    const { url, sink } = await run({ lineBytesMax: 8 })
    expect(await post(url, 'good\n123456789\n')).toMatchObject({
      status: 413,
      body: { code: 'MR_LINE_TOO_LONG', message: 'line 2 is over the limit of 8 bytes' },
    })
    const bytes = new Uint8Array([...Buffer.from('a\nb\n'), 0xff, 10])
    expect(await post(url, bytes)).toMatchObject({
      status: 400,
      body: { code: 'MR_REQUEST_INVALID', message: 'line 3 is not UTF-8' },
    })
    expect(await post(url, '12345678\r\n12345678')).toMatchObject({ status: 200 })
    expect(sink.records).toBe(2)
  })

  it('over the limit of a body is 413, announced or in chunks', async () => {
    const { url, sink } = await run({ bodyBytesMax: 1000 })
    const tooLong = { status: 413, body: { code: 'MR_RECORD_TOO_LARGE' } }
    expect(await post(url, 'x'.repeat(1001))).toMatchObject(tooLong)
    expect(await raw(url, chunked(['x'.repeat(600), 'x'.repeat(600)]))).toMatch(/^HTTP\/1.1 413 /)
    expect(await raw(url, chunked(['one\n', 'two\n']))).toMatch(
      /^HTTP\/1.1 200 [^]*\{"records":2\}/,
    )
    expect(await post(url, 'x'.repeat(1000))).toMatchObject({ status: 200 })
    expect(sink.records).toBe(3)
  })

  it('of the type that curl gives by itself is text as it stands', async () => {
    const { url, sink } = await run()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect(await post(url, 'a=1&b=%20\n', type)).toMatchObject({ status: 200 })
    expect(sink.records).toBe(1)
    expect(Buffer.from(sink.blocks[0]?.bytes ?? []).toString()).toBe('a=1&b=%20\n')
  })

  it('of another type, charset or encoding is 415', async () => {
    const { url, sink } = await run()
    const types = [
      { 'content-type': 'application/octet-stream' },
      { 'content-type': 'text/plain; charset=latin1' },
      { 'content-encoding': 'gzip' },
    ]
    for (const headers of types)
      expect(await post(url, 'a', headers)).toMatchObject({ status: 415 })
    expect(sink.blocks).toHaveLength(0)
  })

  it('is the only method, and its path the only path', async () => {
    const { url } = await run()
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
      const reply = await send(url, { method })
      expect(reply.status).toBe(405)
      expect(reply.headers.get('allow')).toBe('POST')
    }
    expect((await post(`${url}elsewhere`, 'a')).status).toBe(404)
  })
})

describe('a numbered POST', () => {
  it('is counted once, however often it is sent', async () => {
    const { url, sink } = await run()
    expect(await post(url, 'a', numbered('p', 0))).toMatchObject({ body: { records: 1 } })
    expect(await post(url, 'a', numbered('p', 0))).toEqual(
      expect.objectContaining({ status: 200, body: { duplicate: true } }),
    )
    expect(await post(url, 'b', numbered('p', 1))).toMatchObject({ body: { records: 1 } })
    expect(await post(url, 'a', numbered('p', 0))).toMatchObject({ body: { duplicate: true } })
    expect(await post(url, 'c', numbered('q', 0))).toMatchObject({ body: { records: 1 } })
    expect(sink.text).toBe('a\nb\nc\n')
  })

  it('is refused with the number expected when one is missing, the first one too', async () => {
    const { url, sink } = await run()
    const gap = { status: 409, body: { code: 'MR_SEQUENCE_GAP' } }
    expect(await post(url, 'b', numbered('p', 1))).toMatchObject({ ...gap, body: { expected: 0 } })
    await post(url, 'a', numbered('p', 0))
    expect(await post(url, 'c', numbered('p', 2))).toMatchObject({ ...gap, body: { expected: 1 } })
    expect(sink.text).toBe('a\n')
  })

  it('is counted once when the same one arrives many times at once', async () => {
    const { url, sink } = await run()
    const open = sink.hold()
    const replies = Array.from({ length: 20 }, async () => await post(url, 'a', numbered('p', 0)))
    await until('one is on its way', () => sink.adding === 1)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(sink.addingMost).toBe(1)
    open()
    const bodies = (await Promise.all(replies)).map((reply) => JSON.stringify(reply.body)).sort()
    expect(bodies).toEqual([
      ...Array.from({ length: 19 }, () => '{"duplicate":true}'),
      '{"records":1}',
    ])
    expect(sink.records).toBe(1)
  })

  it('can be sent again after the log refused it', async () => {
    const { url, sink } = await run()
    sink.failure = new MillraceError('MR_DISK_FULL', 'the disk is full')
    const refused = await post(url, 'a', numbered('p', 0))
    expect(refused).toMatchObject({ status: 503, body: { code: 'MR_DISK_FULL' } })
    expect(refused.headers.get('retry-after')).toBe('1')
    sink.failure = undefined
    expect(await post(url, 'a', numbered('p', 0))).toMatchObject({ body: { records: 1 } })
    expect(sink.records).toBe(1)
  })

  it('without lines counts as its number', async () => {
    const { url, sink } = await run()
    expect(await post(url, '', numbered('p', 0))).toMatchObject({ body: { records: 0 } })
    expect(sink.highWater('p')).toBe(0)
    expect(await post(url, 'b', numbered('p', 1))).toMatchObject({ body: { records: 1 } })
  })

  it('has both headers, and a whole number', async () => {
    const { url, sink } = await run()
    const wrong: Record<string, string>[] = [
      { 'producer-id': 'p' },
      { sequence: '0' },
      numbered('p', -1),
      numbered('p', '1.5'),
      numbered('p', 'x'),
      numbered('p', '9007199254740992'),
      numbered('x'.repeat(257), 0),
    ]
    for (const headers of wrong) {
      const reply = await post(url, 'a', headers)
      expect(reply).toMatchObject({ status: 400, body: { code: 'MR_REQUEST_INVALID' } })
    }
    expect(sink.blocks).toHaveLength(0)
  })

  test.prop(
    [
      fc.array(fc.record({ id: fc.constantFrom('p', 'q'), sequence: fc.nat(6) }), {
        maxLength: 60,
      }),
    ],
    {
      numRuns: 20,
    },
  )('is stored exactly once for any order of sending', async (attempts) => {
    const { url, sink, handle } = await run()
    const expected = new Map<string, number>()
    const wanted: string[] = []
    for (const { id, sequence } of attempts) {
      const next = expected.get(id) ?? 0
      const line = `${id}${String(sequence)}`
      const reply = await post(url, line, numbered(id, sequence))
      if (sequence < next) expect(reply.body).toEqual({ duplicate: true })
      else if (sequence > next)
        expect(reply).toMatchObject({ status: 409, body: { expected: next } })
      else {
        expect(reply.body).toEqual({ records: 1 })
        expected.set(id, next + 1)
        wanted.push(`${line}\n`)
      }
    }
    await handle.stop()
    expect(sink.text).toBe(wanted.join(''))
  })
})

describe('the http source', () => {
  it('says that its port is taken, and listens when it is free', async () => {
    const first = await run()
    const port = Number(new URL(first.url).port)
    const world = sourceWorld()
    const handle = httpReceiver(inputOf('http', { port }), world.context)
    await handle.start()
    closeLater(async () => {
      await handle.stop()
    })
    expect(world.events).toMatchObject([{ kind: 'error' }])
    expect(JSON.stringify(world.events)).toContain('MR_ADDRESS_IN_USE')
    await first.handle.stop()
    await until('it listens', () => world.count('started') === 1)
    expect(await post(first.url, 'a')).toMatchObject({ status: 200 })
  })

  it('listens on the path it is given', async () => {
    const world = sourceWorld()
    const handle = httpReceiver(inputOf('http', { port: 0, path: '/clicks' }), world.context)
    await handle.start()
    const [started] = world.events
    const url = started?.kind === 'started' ? (started.address ?? '') : ''
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/clicks$/)
    expect(await post(url, 'a')).toMatchObject({ status: 200 })
    expect((await post(new URL('/', url).href, 'a')).status).toBe(404)
    await handle.stop()
  })

  it('refuses parameters that make no sense', () => {
    const { context } = sourceWorld()
    for (const parameters of [
      {},
      { port: -1 },
      { port: 1, path: 'x' },
      { port: 1, path: '/:id' },
    ]) {
      expect(() => httpReceiver(inputOf('http', parameters), context)).toThrow(
        expect.objectContaining({ code: 'MR_CONFIG_INVALID' }),
      )
    }
  })
})
