/** Lines from a real TCP server on the loopback. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import type { ReceiverHandle } from '../../src/receiver/receiver.ts'
import { createReceiver } from '../../src/sources/create-receiver.ts'
import { until } from '../receiver/until.ts'
import { inputOf, sourceWorld, type SourceWorld } from './source-test.ts'

const cleanup: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

/** A server that does `serve` with its n-th connection (from 0). */
async function serverOf(serve: (socket: Socket, n: number) => void, port = 0): Promise<Server> {
  let connections = 0
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    serve(socket, connections++)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  cleanup.push(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return server
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port

interface Running extends SourceWorld {
  readonly handle: ReceiverHandle
}

async function startAt(port: number): Promise<Running> {
  const world = sourceWorld()
  const handle = createReceiver(inputOf('socketText', { host: '127.0.0.1', port }), world.context)
  await handle.start()
  cleanup.push(async () => {
    await handle.stop()
  })
  return { ...world, handle }
}

describe('the socket source', () => {
  it('brings lines that arrive in pieces', async () => {
    const server = await serverOf((socket) => {
      const pieces = ['hel', 'lo\nwor', 'ld\r', '\n', '\nlast\n']
      const next = (): void => {
        const piece = pieces.shift()
        if (piece !== undefined) socket.write(piece, () => setTimeout(next, 5))
      }
      next()
    })
    const { sink, events } = await startAt(portOf(server))
    await until('four lines arrived', () => sink.records === 4)
    expect(sink.text).toBe('hello\nworld\n\nlast\n')
    expect(sink.blocks.every((block) => block.format === 'text')).toBe(true)
    expect(events).toEqual([{ kind: 'started' }])
  })

  it('connects again after the end of the input, and its last line counts', async () => {
    const server = await serverOf((socket, n) => socket.end(`line ${String(n)}`))
    const { sink, events } = await startAt(portOf(server))
    await until('three lives', () => sink.records >= 3)
    expect(sink.text).toMatch(/^line 0\nline 1\nline 2\n/)
    const kinds = events.slice(0, 4).map((event) => event.kind)
    expect(kinds).toEqual(['started', 'error', 'stopped', 'started'])
    expect(events[1]).toMatchObject({
      code: 'MR_SOURCE_UNAVAILABLE',
      message: expect.stringContaining('ended the connection') as string,
    })
  })

  it('keeps the whole lines of a connection that broke, and leaves the torn one out', async () => {
    const server = await serverOf((socket, n) => {
      if (n > 0) return
      socket.write('whole\nto', () => setTimeout(() => socket.resetAndDestroy(), 50))
    })
    const { sink, events, count } = await startAt(portOf(server))
    await until('the second life', () => count('started') === 2)
    expect(sink.text).toBe('whole\n')
    const error = events.find((event) => event.kind === 'error')
    expect(error).toMatchObject({ message: expect.stringContaining('ECONNRESET') as string })
  })

  it('waits for a server that is not there yet, and says so once', async () => {
    const taken = await serverOf(() => undefined)
    const port = portOf(taken)
    await new Promise((resolve) => taken.close(resolve))
    const { sink, events, count } = await startAt(port)
    await until('an error is told', () => count('error') === 1)
    await serverOf((socket) => socket.write('at last\n'), port)
    await until('the line arrived', () => sink.records === 1)
    expect(events.map((event) => event.kind)).toEqual(['error', 'started'])
    expect(events[0]).toMatchObject({ message: expect.stringContaining('ECONNREFUSED') as string })
  })

  it('stops reading while the log waits, and loses nothing when it goes on', async () => {
    const line = `${'x'.repeat(999)}\n`
    const total = 32_000
    let drained = false
    const server = await serverOf((socket) => {
      socket.write(line.repeat(total), () => {
        drained = true
      })
    })
    const world = sourceWorld()
    const open = world.sink.hold()
    const input = inputOf('socketText', { host: '127.0.0.1', port: portOf(server) })
    const handle = createReceiver(input, world.context)
    await handle.start()
    await until('the source is held back', () => world.sink.adding === 3)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(drained).toBe(false)
    open()
    await until('all lines arrived', () => world.sink.records === total)
    await handle.stop()
    expect(world.sink.text).toBe(line.repeat(total))
    expect(world.sink.addingMost).toBe(3)
  })

  it('hands over on stop what it has read, and hangs up', async () => {
    let closed = false
    const server = await serverOf((socket) => {
      socket.on('close', () => {
        closed = true
      })
      socket.write('one\ntwo\nunfinished')
    })
    const { sink, handle, events } = await startAt(portOf(server))
    const open = sink.hold()
    await until('the lines are on their way', () => sink.adding === 1)
    const stopping = handle.stop()
    open()
    await stopping
    expect(sink.text).toBe('one\ntwo\n')
    expect(events.at(-1)).toEqual({ kind: 'stopped', message: 'stopped' })
    await until('the peer saw the end', () => closed)
  })

  it('counts lines that are too long or not UTF-8, and goes on', async () => {
    const server = await serverOf((socket) => {
      socket.write(Buffer.concat([Buffer.from('good\n'), Buffer.of(0xc3, 0x28, 10)]))
      socket.write(`${'x'.repeat(2 * 1024 * 1024)}\nalso good\n`)
    })
    const { sink, events, handle } = await startAt(portOf(server))
    await until('both good lines arrived', () => sink.records === 2)
    await handle.stop()
    expect(sink.text).toBe('good\nalso good\n')
    const rejected = events.filter((event) => event.kind === 'rejected')
    expect(rejected.map(({ reason, records }) => [reason, records])).toEqual([
      ['invalid UTF-8', 1],
      ['line too long', 1],
    ])
  })

  it('begins a new life when the log has failed', async () => {
    const server = await serverOf((socket) => socket.write('lost\n'))
    const world = sourceWorld()
    world.sink.failure = new Error('the log has failed')
    const input = inputOf('socketText', { host: '127.0.0.1', port: portOf(server) })
    const handle = createReceiver(input, world.context)
    await handle.start()
    cleanup.push(async () => {
      await handle.stop()
    })
    await until('the failure is told', () => world.count('error') === 1)
    expect(world.events).toContainEqual(
      expect.objectContaining({ kind: 'error', message: 'the log has failed' }),
    )
    await until('the next life', () => world.count('started') >= 2)
  })

  it('refuses parameters that make no sense', () => {
    const { context } = sourceWorld()
    for (const parameters of [
      {},
      { host: 'a' },
      { host: '', port: 1 },
      { host: 'a', port: 70_000 },
    ]) {
      expect(() => createReceiver(inputOf('socketText', parameters), context)).toThrow(
        expect.objectContaining({ code: 'MR_CONFIG_INVALID' }),
      )
    }
  })
})
