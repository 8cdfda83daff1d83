/**
 * The network of the real host, over sockets on the loopback and in a directory for temporary
 * files.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { compiledModule } from '../../src/daemon/package-files.ts'
import type { Address, Connection } from '../../src/host/host.ts'
import { createNodeNetwork, nodeNetwork } from '../../src/host/node-network.ts'

const LOOPBACK = { host: '127.0.0.1', port: 0 }
const MEBIBYTE = 1024 * 1024
const cleanup: (() => Promise<unknown> | void)[] = []

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

/** Both ends of one connection. */
async function pair(at: Address = LOOPBACK): Promise<{ client: Connection; server: Connection }> {
  let accept: (connection: Connection) => void = () => undefined
  const accepted = new Promise<Connection>((resolve) => {
    accept = resolve
  })
  const listener = await nodeNetwork.listen(at, (connection) => {
    accept(connection)
  })
  const client = await nodeNetwork.connect(listener.address)
  const server = await accepted
  cleanup.push(async () => {
    client.destroy()
    server.destroy()
    await listener.close()
  })
  return { client, server }
}

async function readAll(connection: Connection): Promise<string> {
  let text = ''
  for (let piece = await connection.read(); piece !== undefined; piece = await connection.read()) {
    text += Buffer.from(piece).toString()
  }
  return text
}

const bytes = (text: string): Uint8Array => Buffer.from(text)

describe('a connection', () => {
  it('carries bytes in both directions over TCP', async () => {
    const { client, server } = await pair()
    await client.write(bytes('ping'))
    expect(Buffer.from((await server.read()) ?? []).toString()).toBe('ping')
    await server.write(bytes('pong'))
    expect(Buffer.from((await client.read()) ?? []).toString()).toBe('pong')
  })

  it('carries bytes over a Unix socket', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'millrace-net-'))
    cleanup.push(async () => {
      await rm(directory, { recursive: true })
    })
    const { client, server } = await pair({ path: join(directory, 'socket') })
    await client.write(bytes('hello'))
    await client.end()
    expect(await readAll(server)).toBe('hello')
  })

  it('can still be written to after its peer has stopped sending', async () => {
    const { client, server } = await pair()
    await client.end()
    expect(await server.read()).toBeUndefined()
    expect(await server.read()).toBeUndefined()
    await server.write(bytes('late answer'))
    await server.end()
    expect(await readAll(client)).toBe('late answer')
  })

  it('hands out what arrived before it broke, then rejects', async () => {
    const server = createServer((socket) => {
      socket.write('last words', () => {
        setTimeout(() => socket.resetAndDestroy(), 100)
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanup.push(() => {
      server.close()
    })
    const at = server.address()
    const port = typeof at === 'object' && at !== null ? at.port : 0
    const client = await nodeNetwork.connect({ host: '127.0.0.1', port })
    cleanup.push(() => {
      client.destroy()
    })
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(Buffer.from((await client.read()) ?? []).toString()).toBe('last words')
    await expect(client.read()).rejects.toMatchObject({ code: 'ECONNRESET' })
    await expect(client.write(bytes('x'))).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('ends a read that waits when it is destroyed', async () => {
    const { client } = await pair()
    const waiting = client.read()
    client.destroy()
    await expect(waiting).rejects.toThrow('ECONNABORTED')
  })

  it('can be ended twice, but not once it is broken', async () => {
    const { client, server } = await pair()
    await client.end()
    await client.end()
    server.destroy()
    await expect(server.end()).rejects.toThrow()
  })

  it('refuses two reads at once', async () => {
    const { client } = await pair()
    const waiting = client.read()
    await expect(client.read()).rejects.toThrow('one read at a time')
    client.destroy()
    await expect(waiting).rejects.toThrow()
  })

  it('makes the writer wait while nobody reads, and loses nothing', async () => {
    const { client, server } = await pair()
    const piece = Buffer.alloc(MEBIBYTE, 'x')
    let written = 0
    const writing = (async () => {
      for (let i = 0; i < 64; i++) {
        await client.write(piece)
        written++
      }
      await client.end()
    })()
    // Nobody reads: whatever the kernel's buffers take, they do not take 64 MiB.
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(written).toBeLessThan(64)
    let received = 0
    for (let part = await server.read(); part !== undefined; part = await server.read()) {
      received += part.length
    }
    await writing
    expect(received).toBe(64 * MEBIBYTE)
  })

  it('rejects writes that wait when the peer breaks it', async () => {
    const { client, server } = await pair()
    const writing = (async () => {
      for (let i = 0; i < 64; i++) await client.write(Buffer.alloc(MEBIBYTE))
    })()
    const broken = expect(writing).rejects.toMatchObject({ code: expect.any(String) as string })
    await server.read()
    server.destroy()
    await broken
  })
})

describe('connecting', () => {
  it('rejects with the code of the system when nobody listens', async () => {
    const listener = await nodeNetwork.listen(LOOPBACK, () => undefined)
    await listener.close()
    await expect(nodeNetwork.connect(listener.address)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
  })

  it('rejects with the reason of a signal that was aborted, before or meanwhile', async () => {
    const listener = await nodeNetwork.listen(LOOPBACK, (connection) => {
      connection.destroy()
    })
    cleanup.push(listener.close)
    const reason = new Error('no longer wanted')
    await expect(nodeNetwork.connect(listener.address, AbortSignal.abort(reason))).rejects.toBe(
      reason,
    )
    const stopping = new AbortController()
    const connecting = nodeNetwork.connect(listener.address, stopping.signal)
    stopping.abort(reason)
    await expect(connecting).rejects.toBe(reason)
  })

  it('gives up after its time-out when the peer never answers', async () => {
    const address = await deafListener()
    const network = createNodeNetwork({ connectTimeoutMs: 300 })
    const attempts = Array.from({ length: 8 }, async () => {
      const connection = await network.connect(address)
      connection.destroy()
    })
    const outcomes = await Promise.allSettled(attempts)
    const late = outcomes.flatMap((o): unknown[] => (o.status === 'rejected' ? [o.reason] : []))
    expect(late.length).toBeGreaterThan(0)
    for (const error of late) expect(error).toMatchObject({ code: 'ETIMEDOUT' })
  })
})

/**
 * A process that listens, takes one connection in its queue, and never accepts: later ones are not
 * answered.
 */
async function deafListener(): Promise<Address> {
  const program = `
    const server = require('node:net').createServer()
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
      process.stdout.write(String(server.address().port))
      setTimeout(() => { for (;;); }, 50)
    })`
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  cleanup.push(() => {
    child.kill('SIGKILL')
  })
  const port = await new Promise<number>((resolve) => {
    child.stdout.once('data', (data: Buffer) => {
      resolve(Number(data.toString()))
    })
  })
  await new Promise((resolve) => setTimeout(resolve, 200))
  return { host: '127.0.0.1', port }
}

describe('a listener', () => {
  it('tells the port it was given, and rejects when its address is taken', async () => {
    const listener = await nodeNetwork.listen(LOOPBACK, () => undefined)
    cleanup.push(listener.close)
    expect(listener.address).toMatchObject({ host: '127.0.0.1' })
    await expect(nodeNetwork.listen(listener.address, () => undefined)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
  })

  it('closes without waiting for the connections it has accepted', async () => {
    const { client, server } = await pair()
    const listener = await nodeNetwork.listen(LOOPBACK, () => undefined)
    const other = await nodeNetwork.connect(listener.address)
    await listener.close()
    await expect(nodeNetwork.connect(listener.address)).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    })
    other.destroy()
    await client.write(bytes('untouched'))
    expect(Buffer.from((await server.read()) ?? []).toString()).toBe('untouched')
  })
})

describe('the files a process may open', () => {
  it('are what the system allows this very process', async () => {
    const url = compiledModule('src/host/node-network.js')
    const script = `import('${url}').then((m) => console.log(m.nodeNetwork.openFilesMax))`
    const shell = `ulimit -n 123; exec "$0" -e "$1"`
    const child = spawn('sh', ['-c', shell, process.execPath, script])
    let out = ''
    child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
    await once(child, 'close')
    expect(out.trim()).toBe(process.platform === 'linux' ? '123' : 'undefined')
  })
})
