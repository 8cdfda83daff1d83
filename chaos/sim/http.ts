/**
 * The shipped HTTP source on the simulated machine. It listens with Node's own server, so the
 * listening is taken over here: a server that asks for a simulated port gets connections from
 * memory, and the real parser, the real routes and the real answers do the rest.
 */
import { Server as HttpServer } from 'node:http'
import { Server as NetServer } from 'node:net'
import { Duplex } from 'node:stream'
import type { World } from './world.ts'

/** Ports nobody listens on for real. */
export const PORTS = [1, 2] as const

const listening = new Map<number, NetServer>()
let installed = false

/** Takes over listening on the simulated ports, in this process, for good. */
export function installListening(): void {
  if (installed) return
  installed = true
  const original = Reflect.get(NetServer.prototype, 'listen')
  const listen = function (this: NetServer, ...args: unknown[]): unknown {
    const port = portOf(args[0])
    if (port === undefined || !(this instanceof HttpServer)) {
      return Reflect.apply(original, this, args)
    }
    adopt(this, port)
    queueMicrotask(() => this.emit('listening'))
    return this
  }
  Reflect.set(NetServer.prototype, 'listen', listen)
}

function portOf(options: unknown): number | undefined {
  if (typeof options !== 'object' || options === null || !('port' in options)) return undefined
  return PORTS.find((port) => port === options.port)
}

function adopt(server: NetServer, port: number): void {
  listening.set(port, server)
  const close = server.close.bind(server)
  const address = { address: '127.0.0.1', family: 'IPv4', port }
  Object.defineProperty(server, 'address', { value: () => address })
  Object.defineProperty(server, 'close', {
    value: (done?: () => void) => {
      if (listening.get(port) === server) listening.delete(port)
      close(() => done?.())
      return server
    },
  })
}

/** Ends what a boot that died was listening with. */
export function closeAll(): void {
  for (const server of listening.values()) server.close()
  listening.clear()
}

class Socket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly #onData: (bytes: Buffer) => void

  constructor(onData: (bytes: Buffer) => void) {
    super()
    this.#onData = onData
  }
  override _read(): void {
    // What the client sends is pushed when it is sent.
  }
  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    this.#onData(bytes)
    done()
  }
  setTimeout(): this {
    return this
  }
  setNoDelay(): this {
    return this
  }
  setKeepAlive(): this {
    return this
  }
}

export interface Answer {
  readonly status: number
  readonly body: string
}

/** A client's connection: one POST at a time. */
export class HttpConnection {
  readonly #world: World
  readonly #socket: Socket
  #received = ''
  #answer: ((answer: Answer | undefined) => void) | undefined

  private constructor(world: World, server: NetServer) {
    this.#world = world
    this.#socket = new Socket((bytes) => {
      this.#take(bytes.toString('latin1'))
    })
    this.#socket.on('error', () => undefined)
    this.#socket.on('close', () => {
      this.#done(undefined)
    })
    server.emit('connection', this.#socket)
  }

  /** Undefined: nobody listens. */
  static open(world: World, port: number): HttpConnection | undefined {
    const server = listening.get(port)
    return server === undefined ? undefined : new HttpConnection(world, server)
  }

  /** Undefined: the connection broke, and nobody knows. */
  post(headers: Readonly<Record<string, string>>, body: string): Promise<Answer | undefined> {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    const length = String(Buffer.byteLength(body))
    const first = ['POST / HTTP/1.1', 'host: sim', `content-length: ${length}`].join('\r\n')
    const head = `${first}\r\n${lines.join('')}\r\n`
    return new Promise((resolve) => {
      this.#answer = resolve
      void this.#world.event('post', () => this.#socket.push(head + body))
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #take(text: string): void {
    this.#received += text
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.slice(0, end)
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
    const body = this.#received.slice(end + 4)
    if (body.length < length) return
    this.#received = ''
    this.#done({ status: Number(head.split(' ')[1]), body })
  }

  #done(answer: Answer | undefined): void {
    const tell = this.#answer
    this.#answer = undefined
    tell?.(answer)
  }
}
