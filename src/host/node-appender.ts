/**
 * The log's own thread, seen from the main thread. Node's shared pool serves DNS, files and
 * LevelDB, and one stalled mount would stop every sync; a thread of its own stalls only with its
 * own disk.
 *
 * The thread is started from the text of `appenderThread`: one way for TypeScript sources and the
 * compiled package. The memory of what is appended goes there and comes back, without a copy; it is
 * not shared, because V8 copies into shared memory byte by byte. While calls are under way the
 * thread keeps the process alive, else not.
 */
import { Worker } from 'node:worker_threads'

import { present } from '../base/assert.ts'
import { isErrorCode, MillraceError } from '../base/errors.ts'
import type { Appender, OwnBytes } from './host.ts'
import { appenderCalls, appenderThread } from './node-appender-thread.ts'
import type { AppenderReply, AppenderRequest } from './node-appender-thread.ts'

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never

interface Waiting {
  readonly resolve: (reply: AppenderReply) => void
  readonly reject: (error: Error) => void
}

const SOURCE = `(${appenderThread.toString()})(
  require('node:worker_threads').parentPort,
  (${appenderCalls.toString()})(require('node:fs')))`

export class NodeAppender implements Appender {
  readonly #worker = new Worker(SOURCE, { eval: true, name: 'millrace-log' })
  readonly #waiting = new Map<number, Waiting>()
  readonly #exited: Promise<void>
  #calls = 0
  /** Why no further call can be served. */
  #ended: Error | undefined

  constructor() {
    this.#worker.unref()
    this.#worker.on('message', (reply: AppenderReply) => {
      this.#settle(reply)
    })
    this.#worker.on('error', (error) => {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    })
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        this.#end(new MillraceError('MR_LOG_CLOSED', "the log's thread has ended"))
        resolve()
      })
    })
  }

  #settle(reply: AppenderReply): void {
    const { id, error } = reply
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (this.#waiting.size === 0) this.#worker.unref()
    if (error === undefined) waiting?.resolve(reply)
    else waiting?.reject(errorOf(error))
  }

  #end(error: Error): void {
    this.#ended ??= error
    for (const { reject } of this.#waiting.values()) reject(this.#ended)
    this.#waiting.clear()
  }

  #call(
    request: WithoutId<AppenderRequest>,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<AppenderReply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) {
        reject(this.#ended)
        return
      }
      this.#calls += 1
      this.#worker.postMessage({ ...request, id: this.#calls }, transfer)
      this.#waiting.set(this.#calls, { resolve, reject })
      this.#worker.ref()
    })
  }

  async open(path: string): Promise<number> {
    const { value } = await this.#call({ op: 'open', path })
    return value
  }

  async append(file: number, position: number, bytes: OwnBytes, sync: boolean): Promise<OwnBytes> {
    const reply = await this.#call({ op: 'append', file, position, bytes, sync }, [bytes.buffer])
    return present(reply.bytes, 'what was appended')
  }

  async sync(file: number): Promise<void> {
    await this.#call({ op: 'sync', file })
  }

  async closeFile(file: number): Promise<void> {
    await this.#call({ op: 'closeFile', file })
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return
    this.#worker.ref()
    try {
      await this.#call({ op: 'close' })
    } finally {
      this.#worker.ref()
      await this.#exited
    }
  }
}

function errorOf({ code, message }: { code: string; message: string }): Error {
  if (isErrorCode(code)) return new MillraceError(code, message)
  return Object.assign(new Error(message), { code })
}
