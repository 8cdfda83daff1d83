/**
 * A network inside one process: what connects and listens here meets nobody else. For executors
 * that run inline, and for tests. Same rules as the real one: pieces are pulled, a writer waits for
 * its reader, a destroyed connection breaks both ends after what was written has been read. Nothing
 * survives the process.
 */
import type { Address, Connection, Listener, Network } from './host.ts'

/** A writer waits while more than this is unread. */
const UNREAD_BYTES_MAX = 256 * 1024

class NetworkError extends Error {
  override readonly name = 'NetworkError'
  readonly code: 'EADDRINUSE' | 'ECONNREFUSED' | 'ECONNRESET' | 'EPIPE'

  constructor(code: NetworkError['code'], what: string) {
    super(`${code}: ${what}`)
    this.code = code
  }
}

const nameOf = (address: Address): string =>
  'path' in address ? address.path : `${address.host}:${String(address.port)}`

export function memoryNetwork(): Network {
  const listeners = new Map<string, (connection: Connection) => void>()
  let nextPort = 1
  return {
    connect(to, signal) {
      signal?.throwIfAborted()
      const accept = listeners.get(nameOf(to))
      if (accept === undefined) {
        return Promise.reject(new NetworkError('ECONNREFUSED', nameOf(to)))
      }
      const there = new Pipe()
      const back = new Pipe()
      queueMicrotask(() => {
        accept(connectionOver(there, back, 'local'))
      })
      return Promise.resolve(connectionOver(back, there, nameOf(to)))
    },
    listen(at, onConnection): Promise<Listener> {
      const address = 'path' in at || at.port !== 0 ? at : { host: at.host, port: nextPort++ }
      const name = nameOf(address)
      if (listeners.has(name)) return Promise.reject(new NetworkError('EADDRINUSE', name))
      listeners.set(name, onConnection)
      return Promise.resolve({
        address,
        close() {
          listeners.delete(name)
          return Promise.resolve()
        },
      })
    },
  }
}

/** One direction. */
class Pipe {
  readonly #pieces: Uint8Array[] = []
  #unread = 0
  #end: 'open' | 'ended' | 'broken' = 'open'
  #wakeReader: (() => void) | undefined
  #writers: (() => void)[] = []

  async read(): Promise<Uint8Array | undefined> {
    for (;;) {
      const piece = this.#pieces.shift()
      if (piece !== undefined) {
        this.#unread -= piece.length
        if (this.#unread <= UNREAD_BYTES_MAX) this.#wakeWriters()
        return piece
      }
      if (this.#end === 'ended') return undefined
      if (this.#end === 'broken') throw new NetworkError('ECONNRESET', 'the connection broke')
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve
      })
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#end !== 'open') throw new NetworkError('EPIPE', 'nobody reads any more')
    this.#pieces.push(bytes)
    this.#unread += bytes.length
    this.#wakeReader?.()
    while (this.#isCrowded()) {
      await new Promise<void>((resolve) => {
        this.#writers.push(resolve)
      })
    }
  }

  #isCrowded(): boolean {
    return this.#end === 'open' && this.#unread > UNREAD_BYTES_MAX
  }

  close(how: 'ended' | 'broken'): void {
    if (this.#end === 'open') this.#end = how
    this.#wakeReader?.()
    this.#wakeWriters()
  }

  #wakeWriters(): void {
    const writers = this.#writers
    this.#writers = []
    for (const wake of writers) wake()
  }
}

function connectionOver(incoming: Pipe, outgoing: Pipe, remote: string): Connection {
  return {
    remote,
    read: () => incoming.read(),
    write: (bytes) => outgoing.write(bytes),
    end() {
      outgoing.close('ended')
      return Promise.resolve()
    },
    destroy() {
      outgoing.close('broken')
      incoming.close('broken')
    },
  }
}
