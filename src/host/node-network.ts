/**
 * `Network` over `node:net`: TCP and Unix sockets, read by pulling.
 *
 * Invariants: a connection holds at most `READ_AHEAD_BYTES` (and one piece) that nobody has asked
 * for, then the socket is paused and the kernel pushes back on the peer. What arrived before a
 * connection broke is handed out before the failure is. A peer that vanished without a word is
 * found by keep-alive; one that has only stopped sending can still be written to. Every accepted or
 * connected socket belongs to whoever was given the connection: it ends by `end` or `destroy`.
 */
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, Socket } from 'node:net'
import type { Address, Connection, Listener, Network } from './host.ts'

const READ_AHEAD_BYTES = 256 * 1024
const CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 30_000

export interface NodeNetworkOptions {
  /** How long a connection may take to be made, in ms; 10 s by default. Beyond it: `ETIMEDOUT`. */
  readonly connectTimeoutMs?: number
}

/** What the system would have said: `code` is an errno name, as in the errors of `node:net`. */
class SocketError extends Error {
  override readonly name = 'SocketError'
  readonly code: 'ETIMEDOUT' | 'ECONNABORTED'

  constructor(code: 'ETIMEDOUT' | 'ECONNABORTED', message: string) {
    super(`${code}: ${message}`)
    this.code = code
  }
}

export function createNodeNetwork(options: NodeNetworkOptions = {}): Network {
  const timeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
  const openFilesMax = readOpenFilesMax()
  return {
    ...(openFilesMax === undefined ? {} : { openFilesMax }),
    connect: async (to, signal) => await connectTo(to, timeoutMs, signal),
    listen,
  }
}

/** Linux says it in a file; Node has raised the limit as far as it may when this runs. */
function readOpenFilesMax(): number | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]
    return soft === undefined ? undefined : Number(soft)
  } catch {
    // No /proc here: the same as any other system that does not say.
    return undefined
  }
}

export const nodeNetwork: Network = createNodeNetwork()

function connectTo(to: Address, timeoutMs: number, signal?: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const socket = connect({ ...to, allowHalfOpen: true, noDelay: true })
    const settle = (): void => {
      signal?.removeEventListener('abort', onAbort)
      socket.off('error', onError)
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
    }
    const fail = (reason: unknown): void => {
      settle()
      // A late error of a socket that was given up says nothing new.
      socket.on('error', () => undefined)
      socket.destroy()
      reject(reason instanceof Error ? reason : new SocketError('ECONNABORTED', String(reason)))
    }
    const onError = (error: Error): void => {
      fail(error)
    }
    const onAbort = (): void => {
      fail(signal?.reason)
    }
    socket.once('error', onError)
    signal?.addEventListener('abort', onAbort, { once: true })
    socket.setTimeout(timeoutMs, () => {
      fail(
        new SocketError('ETIMEDOUT', `no connection to ${nameOf(to)} in ${String(timeoutMs)} ms`),
      )
    })
    socket.once('connect', () => {
      settle()
      resolve(new NodeConnection(socket, nameOf(to)))
    })
  })
}

const nameOf = (address: Address): string =>
  'path' in address ? address.path : `${address.host}:${String(address.port)}`

function listen(at: Address, onConnection: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const remote = socket.remoteAddress
      const name = remote === undefined ? 'local' : `${remote}:${String(socket.remotePort)}`
      onConnection(new NodeConnection(socket, name))
    })
    server.once('error', reject)
    server.listen({ ...at, exclusive: true }, () => {
      server.off('error', reject)
      // An accept that failed concerns one peer, which sees its own connection fail; the listener
      // goes on.
      server.on('error', () => undefined)
      resolve({ address: addressOf(server, at), close: async () => await close(server) })
    })
  })
}

function addressOf(server: Server, at: Address): Address {
  const bound = server.address()
  if (bound === null || typeof bound === 'string') return at
  return { host: bound.address, port: bound.port }
}

/**
 * Stops listening, at once. The open connections stay with their owners, so it does not wait for
 * them.
 */
function close(server: Server): Promise<void> {
  server.close()
  return Promise.resolve()
}

interface Waiter<T> {
  resolve(value: T): void
  reject(error: Error): void
}

class NodeConnection implements Connection {
  readonly remote: string
  readonly #socket: Socket
  #pieces: Uint8Array[] = []
  #bytes = 0
  #ended = false
  #failure: Error | undefined
  #reader: Waiter<Uint8Array | undefined> | undefined
  #writers: Waiter<void>[] = []

  constructor(socket: Socket, remote: string) {
    this.remote = remote
    this.#socket = socket
    socket.setKeepAlive(true, KEEP_ALIVE_MS)
    socket.on('data', (piece: Uint8Array) => {
      this.#take(piece)
    })
    socket.on('drain', () => {
      this.#release()
    })
    socket.on('end', () => {
      this.#ended = true
      this.#wakeReader()
    })
    socket.on('error', (error) => {
      this.#fail(error)
    })
    socket.on('close', () => {
      this.#fail(this.#closed())
    })
  }

  #closed(): SocketError {
    return new SocketError('ECONNABORTED', `the connection with ${this.remote} was closed`)
  }

  #take(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#bytes >= READ_AHEAD_BYTES) this.#socket.pause()
    this.#wakeReader()
  }

  #wakeReader(): void {
    const reader = this.#reader
    if (reader === undefined) return
    this.#reader = undefined
    this.#next(reader)
  }

  /** Answers a reader if there is an answer, else keeps it. */
  #next(reader: Waiter<Uint8Array | undefined>): void {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      this.#bytes -= piece.length
      if (this.#bytes < READ_AHEAD_BYTES && this.#socket.isPaused()) this.#socket.resume()
      reader.resolve(piece)
    } else if (this.#ended) reader.resolve(undefined)
    else if (this.#failure !== undefined) reader.reject(this.#failure)
    else this.#reader = reader
  }

  #fail(error: Error): void {
    this.#failure ??= error
    this.#wakeReader()
    const failure = this.#failure
    const writers = this.#writers
    this.#writers = []
    for (const writer of writers) writer.reject(failure)
  }

  #release(): void {
    const writers = this.#writers
    this.#writers = []
    for (const writer of writers) writer.resolve()
  }

  read(): Promise<Uint8Array | undefined> {
    if (this.#reader !== undefined) return Promise.reject(new Error('one read at a time'))
    return new Promise((resolve, reject) => {
      this.#next({ resolve, reject })
    })
  }

  /** `bytes` belong to the connection from here on: they must not be changed. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#socket.write(bytes)) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#writers.push({ resolve, reject })
    })
  }

  /** Resolves when all that was written is with the kernel, followed by the end. */
  end(): Promise<void> {
    if (this.#socket.writableFinished) return Promise.resolve()
    if (this.#socket.destroyed) return Promise.reject(this.#failure ?? this.#closed())
    return new Promise((resolve, reject) => {
      this.#socket.end((error?: Error | null) => {
        if (error === undefined || error === null) resolve()
        else reject(this.#failure ?? error)
      })
    })
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
