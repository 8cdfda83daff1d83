/** The http source when the log is full, when memory is, and when it stops. */
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { httpReceiver } from '../../src/sources/http.ts'
import { until } from '../receiver/until.ts'
import { closeAll, collect, open, post, run, untilAsync } from './http-client.ts'
import { inputOf, sourceWorld } from './source-test.ts'

afterEach(closeAll)

describe('under pressure', () => {
  it('a POST is refused with 429 before its body is read', async () => {
    const { url, sink } = await run()
    sink.paused = true
    const reply = await post(url, 'a')
    expect(reply).toMatchObject({ status: 429, body: { code: 'MR_PRESSURE' } })
    expect(reply.headers.get('retry-after')).toBe('1')
    sink.paused = false
    expect(await post(url, 'a')).toMatchObject({ status: 200 })
  })

  it('bodies beyond what memory is meant for are refused, and taken again later', async () => {
    const { url, sink } = await run({ bodyBytesMax: 1000, bodiesBytesMax: 2500 })
    const open = sink.hold()
    const first = [post(url, 'x'.repeat(1000)), post(url, 'y'.repeat(1000))]
    await until('two bodies wait', () => sink.adding === 2)
    expect(await post(url, 'z'.repeat(1000))).toMatchObject({ status: 429 })
    open()
    for (const reply of await Promise.all(first)) expect(reply.status).toBe(200)
    expect(await post(url, 'z'.repeat(1000))).toMatchObject({ status: 200 })
  })

  it('a client that went away in its body gives its room back', async () => {
    const { url, sink } = await run({ bodyBytesMax: 1000, bodiesBytesMax: 1000 })
    const socket = await open(url)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf')
    await untilAsync(async () => (await post(url, 'x'.repeat(10))).status === 429)
    socket.destroy()
    await untilAsync(async () => (await post(url, 'x'.repeat(10))).status === 200)
    expect(sink.records).toBe(1)
  })
})

describe('stopping', () => {
  it('answers what is under way and takes nothing new', async () => {
    const { url, sink, handle, events } = await run()
    const open = sink.hold()
    const reply = post(url, 'under way')
    await until('it is on its way', () => sink.adding === 1)
    const stopping = handle.stop()
    open()
    expect(await reply).toMatchObject({ status: 200, body: { records: 1 } })
    await stopping
    await expect(post(url, 'too late')).rejects.toThrow()
    expect(sink.text).toBe('under way\n')
    expect(events.at(-1)).toEqual({ kind: 'stopped', message: 'stopped' })
  })

  it('answers 503 to a new request on a connection that was kept', async () => {
    const { url, sink, handle } = await run()
    const openGate = sink.hold()
    const socket = await open(url)
    const replies = collect(socket)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na\n')
    await until('it is on its way', () => sink.adding === 1)
    const stopping = handle.stop()
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nb\n')
    await new Promise((resolve) => setTimeout(resolve, 100))
    openGate()
    expect(await replies).toMatch(/^HTTP\/1.1 200 [^]*HTTP\/1.1 503 [^]*retry-after: 1\r\n/)
    await stopping
    expect(sink.text).toBe('a\n')
  })

  it('drops a client that does not finish its body within five seconds', async () => {
    const { context, sink, events } = sourceWorld()
    const clock = new ManualClock()
    const handle = httpReceiver(inputOf('http', { port: 0 }), {
      ...context,
      host: { ...context.host, clock },
    })
    await handle.start()
    const [started] = events
    const socket = await open(started?.kind === 'started' ? (started.address ?? '') : '')
    const replies = collect(socket)
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n')
    await new Promise((resolve) => socket.once('data', resolve))
    const stopping = handle.stop()
    await clock.advance(4999)
    expect(socket.closed).toBe(false)
    await clock.advance(1)
    await stopping
    expect(await replies).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    expect(sink.blocks).toHaveLength(0)
  })
})
