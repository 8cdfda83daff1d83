/**
 * Output to a file descriptor through one asynchronous write at a time, because `process.stdout`
 * may be synchronous: a reader that stops reading would stop the whole process. Pipes and sockets
 * are written without a thread of the pool, since a write that blocks there would keep the process
 * from ending.
 */
import { fstatSync, write } from 'node:fs'
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isatty } from 'node:tty'
import type { Output } from './shell.ts'

const QUEUE_BYTES_MAX = 8 * 1024 * 1024
const WRITE_BYTES_MAX = 64 * 1024

/** Resolves when all of the bytes have been taken. */
type WriteAll = (bytes: Uint8Array) => Promise<void>

export class NodeOutput implements Output {
  readonly terminal: boolean
  readonly #writeAll: WriteAll
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #droppedBytes = 0
  #gone = false
  #writing: Promise<void> | undefined

  constructor(fd: number) {
    this.terminal = isatty(fd)
    const stat = fstatSync(fd)
    this.#writeAll = stat.isFIFO() || stat.isSocket() ? pipeWriter(fd) : fileWriter(fd)
  }

  get droppedBytes(): number {
    return this.#droppedBytes
  }

  write(text: string): void {
    if (text === '') return
    const bytes = Buffer.from(text)
    if (this.#gone || this.#queuedBytes + bytes.length > QUEUE_BYTES_MAX) {
      this.#droppedBytes += bytes.length
      return
    }
    this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#writing ??= this.#drain()
  }

  async flush(timeoutMs: number): Promise<void> {
    if (this.#writing === undefined) return
    const timer = new AbortController()
    const late = sleep(timeoutMs, undefined, { signal: timer.signal }).catch(() => undefined)
    await Promise.race([this.#writing, late])
    timer.abort()
  }

  async #drain(): Promise<void> {
    while (this.#queue.length > 0) {
      const bytes = Buffer.concat(this.#queue)
      this.#queue = []
      await this.#take(bytes)
      this.#queuedBytes -= bytes.length
    }
    this.#writing = undefined
  }

  async #take(bytes: Uint8Array): Promise<void> {
    if (!this.#gone) {
      try {
        for (let from = 0; from < bytes.length; from += WRITE_BYTES_MAX) {
          await this.#writeAll(bytes.subarray(from, from + WRITE_BYTES_MAX))
        }
        return
      } catch {
        // The reader is gone (EPIPE) or the file cannot take more: there is nobody left to tell.
        this.#gone = true
      }
    }
    this.#droppedBytes += bytes.length
  }
}

function pipeWriter(fd: number): WriteAll {
  const socket = new Socket({ fd, readable: false, writable: true })
  socket.unref()
  // Each failed write rejects by itself.
  socket.on('error', () => undefined)
  return (bytes) =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (error) => {
        if (error === null || error === undefined) resolve()
        else reject(error)
      })
    })
}

function fileWriter(fd: number): WriteAll {
  const writeSome = (bytes: Uint8Array): Promise<number> =>
    new Promise((resolve, reject) => {
      write(fd, bytes, 0, bytes.length, null, (error, written) => {
        if (error === null) resolve(written)
        else reject(error)
      })
    })
  return async (bytes) => {
    for (let rest = bytes; rest.length > 0; rest = rest.subarray(await writeSome(rest)));
  }
}

/**
 * Text to this process's own stdout, in order with whatever else it writes there: for embedded
 * contexts.
 */
export function nodePrint(text: string): void {
  process.stdout.write(text)
}
