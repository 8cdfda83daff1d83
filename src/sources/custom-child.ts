/**
 * The child's side of a custom receiver: runs a user's `Receiver` and carries what it stores to the
 * driver. It is the only code that runs in this process besides the user's.
 *
 *   starting ──onStart called──► running ──stop, restart, failure──► stopping ──► stopped
 *                                       └──────channel closed──────►
 *
 * Invariants: `store` resolves only after the driver has said `durable`; at most `STORES_MAX`
 * stores are unanswered, the next ones wait in order; what was stored before `stop` is answered
 * before `stopped` is sent. A process that is killed takes with it what was not yet answered: the
 * user's code was never told that it was safe.
 */
import { serialize } from 'node:v8'
import { ERROR_CODES, type ErrorCode, messageOf, MillraceError } from '../base/errors.ts'
import { locationIn } from '../dataset/place.ts'
import type { Receiver, ReceiverContext } from '../dstream/custom-receiver.ts'
import type { Channel } from '../host/host.ts'
import {
  decodeDown,
  type DownMessage,
  encodeUp,
  STORE_BYTES_MAX,
  STORES_MAX,
  type UpMessage,
} from '../receiver/custom-protocol.ts'

/**
 * Runs the receiver until the driver says stop or is gone. Resolves when the receiver has been
 * stopped and everything it stored is answered; the channel is closed then, and the process should
 * exit.
 */
export async function serveReceiver(
  channel: Channel,
  makeReceiver: () => Receiver<unknown>,
): Promise<void> {
  await new Service(channel).run(makeReceiver)
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code)
const codeOf = (code: string): ErrorCode => (isErrorCode(code) ? code : 'MR_RECEIVER_FAILED')

interface Waiter {
  resolve(): void
  reject(error: Error): void
}

class Service {
  readonly #channel: Channel
  readonly #ending = new AbortController()
  readonly #unanswered = new Map<number, Waiter>()
  /** Stores that wait until fewer are unanswered, first come first. */
  readonly #queue: Waiter[] = []
  readonly #running = new Set<Promise<void>>()
  #stores = 0
  #nextId = 0
  #closed = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  async run(makeReceiver: () => Receiver<unknown>): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      this.#ending.signal.addEventListener('abort', () => {
        resolve()
      })
    })
    this.#channel.onMessage((bytes) => {
      this.#take(decodeDown(bytes))
    })
    this.#channel.onClose(() => {
      this.#lose()
    })
    let receiver: Receiver<unknown> | undefined
    try {
      receiver = makeReceiver()
      this.#start(receiver)
    } catch (error) {
      this.#fail(error)
    }
    await ended
    await this.#stop(receiver)
  }

  #start(receiver: Receiver<unknown>): void {
    const running = receiver.onStart(this.#context())
    this.#send({ kind: 'started' })
    Promise.resolve(running).catch((error: unknown) => {
      // After the end its waits are meant to break off.
      if (!this.#ending.signal.aborted) this.#fail(error)
    })
  }

  #context(): ReceiverContext<unknown> {
    return {
      signal: this.#ending.signal,
      store: async (records) => {
        const store = this.#store(records)
        this.#running.add(store)
        try {
          await store
        } finally {
          this.#running.delete(store)
        }
      },
      reportError: (message, cause) => {
        const because = cause === undefined ? '' : `: ${messageOf(cause)}`
        this.#send({ kind: 'error', message: `${message}${because}` })
      },
      restart: (message) => {
        this.#send({ kind: 'restart', message })
        this.#ending.abort(new MillraceError('MR_RECEIVER_FAILED', `restart: ${message}`))
      },
    }
  }

  #send(message: UpMessage): void {
    this.#channel.send(encodeUp(message))
  }

  #fail(error: unknown): void {
    const at = error instanceof Error ? locationIn(error.stack ?? '') : undefined
    const where = at === undefined ? '' : ` (at ${at})`
    this.#send({ kind: 'failed', message: `${messageOf(error)}${where}` })
    this.#ending.abort(error)
  }

  /** The driver is gone: nothing will be answered any more. */
  #lose(): void {
    this.#closed = true
    const gone = new MillraceError('MR_RECEIVER_FAILED', 'the driver is gone')
    for (const waiter of [...this.#unanswered.values(), ...this.#queue]) waiter.reject(gone)
    this.#unanswered.clear()
    this.#queue.length = 0
    this.#ending.abort(gone)
  }

  #take(message: DownMessage): void {
    if (message.kind === 'stop') {
      this.#ending.abort(new MillraceError('MR_RECEIVER_FAILED', 'the receiver is being stopped'))
      return
    }
    const waiter = this.#unanswered.get(message.id)
    this.#unanswered.delete(message.id)
    if (message.kind === 'durable') waiter?.resolve()
    else waiter?.reject(new MillraceError(codeOf(message.code), message.message))
  }

  async #store(records: Iterable<unknown>): Promise<void> {
    await this.#turn()
    try {
      if (this.#closed) throw new MillraceError('MR_RECEIVER_FAILED', 'the driver is gone')
      const rows = [...records]
      if (rows.length === 0) return
      await this.#sendBlock(rows.length, serialize(rows))
    } finally {
      this.#stores--
      const next = this.#queue.shift()
      if (next !== undefined) {
        this.#stores++
        next.resolve()
      }
    }
  }

  /** Resolves when this store may go. */
  async #turn(): Promise<void> {
    if (this.#stores < STORES_MAX) {
      this.#stores++
      return
    }
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ resolve, reject })
    })
  }

  async #sendBlock(records: number, block: Uint8Array): Promise<void> {
    if (block.length > STORE_BYTES_MAX) {
      const [bytes, limit] = [String(block.length), String(STORE_BYTES_MAX)]
      throw new MillraceError(
        'MR_RECORD_TOO_LARGE',
        `${String(records)} records of ${bytes} bytes in one store: the limit is ${limit}`,
      )
    }
    const id = this.#nextId++
    await new Promise<void>((resolve, reject) => {
      this.#unanswered.set(id, { resolve, reject })
      this.#send({ kind: 'store', id, records, block })
    })
  }

  /** Lets the receiver close what it opened, and waits for the answers it is still owed. */
  async #stop(receiver: Receiver<unknown> | undefined): Promise<void> {
    try {
      await receiver?.onStop?.()
    } catch (error) {
      this.#send({ kind: 'error', message: `onStop: ${messageOf(error)}` })
    }
    // A store that failed has told its caller.
    while (this.#running.size > 0) await Promise.allSettled(this.#running)
    this.#send({ kind: 'stopped' })
    this.#channel.close()
  }
}
