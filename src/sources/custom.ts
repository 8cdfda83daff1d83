/**
 * The driver's side of a custom receiver: starts its process, hands its blocks to the log, answers
 * `durable`, and starts a new process with backoff when that one dies, fails or asks for it. No
 * user code runs here, and nothing the process does can do more than end its own life: a message
 * that makes no sense, or more stores than are allowed, kills it.
 *
 * A store that was durable but whose answer did not arrive may be sent again by the user's code: at
 * least once.
 *
 * Invariants: at most `STORES_MAX` blocks of the process are in memory; a life ends only when its
 * process has exited and every store it sent has been settled.
 */
import { messageOf, MillraceError } from '../base/errors.ts'
import type { InputShape } from '../dstream/shape.ts'
import type { ChildProcess, Exit } from '../host/host.ts'
import {
  decodeUp,
  type DownMessage,
  encodeDown,
  STORES_MAX,
  type UpMessage,
} from '../receiver/custom-protocol.ts'
import type { ReceiverHandle } from '../receiver/receiver.ts'
import { superviseReceiver } from '../receiver/supervisor.ts'
import { pause } from '../receiver/waiting.ts'
import type { SourceContext } from './context.ts'

/** How long a process that was asked to stop may take, in ms; then it is killed. */
const STOP_MS = 5000

export function customReceiver(input: InputShape, context: SourceContext): ReceiverHandle {
  const { spawnReceiver } = context
  if (spawnReceiver === undefined) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `input '${input.uid}' is a custom receiver: it needs a way to start its process`,
    )
  }
  return superviseReceiver(context.host, {
    onEvent: context.onEvent,
    live: async (signal, started) => await new Life(spawnReceiver(), context, started).run(signal),
  })
}

/** Why a life ends: in order, or with a failure. */
type End =
  | { readonly kind: 'ended'; readonly message: string }
  | { readonly kind: 'failed'; readonly error: MillraceError }

class Life {
  readonly #child: ChildProcess
  readonly #context: SourceContext
  readonly #onStarted: () => void
  readonly #stores = new Set<Promise<void>>()
  /** The first reason to end; later ones only follow from it. */
  #end: End | undefined
  #exited = false
  #wake: () => void = () => undefined

  constructor(child: ChildProcess, context: SourceContext, onStarted: () => void) {
    this.#child = child
    this.#context = context
    this.#onStarted = onStarted
  }

  async run(signal: AbortSignal): Promise<string> {
    const ending = new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    const onAbort = (): void => {
      this.#finish({ kind: 'ended', message: 'stopped' })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    this.#child.channel.onMessage((bytes) => {
      this.#take(bytes)
    })
    try {
      const exit = await Promise.race([ending, this.#child.exited])
      if (exit === undefined) await this.#stopChild()
      else this.#finish({ kind: 'failed', error: died(exit) })
    } finally {
      this.#exited = true
      signal.removeEventListener('abort', onAbort)
      await Promise.all(this.#stores)
    }
    if (this.#end?.kind === 'failed') throw this.#end.error
    return this.#end?.message ?? 'stopped'
  }

  #finish(end: End): void {
    this.#end ??= end
    this.#wake()
  }

  #fail(message: string, cause?: unknown): void {
    this.#finish({
      kind: 'failed',
      error: new MillraceError('MR_RECEIVER_FAILED', message, { cause }),
    })
  }

  /** Asks, waits a while, kills. Resolves when the process has exited. */
  async #stopChild(): Promise<void> {
    const { clock } = this.#context.host
    this.#send({ kind: 'stop' })
    const exited = new AbortController()
    const killed = pause(clock, STOP_MS, exited.signal).then(() => {
      if (!exited.signal.aborted) this.#child.kill('SIGKILL')
    })
    await this.#child.exited
    exited.abort()
    await killed
  }

  #send(message: DownMessage): void {
    this.#child.channel.send(encodeDown(message))
  }

  #take(bytes: Uint8Array): void {
    if (this.#exited) return
    let message: UpMessage
    try {
      message = decodeUp(bytes)
    } catch (error) {
      this.#fail(messageOf(error), error)
      this.#child.kill('SIGKILL')
      return
    }
    switch (message.kind) {
      case 'started':
        this.#onStarted()
        return
      case 'store':
        this.#store(message)
        return
      case 'error':
        this.#context.onEvent({
          kind: 'error',
          code: 'MR_RECEIVER_FAILED',
          message: message.message,
        })
        return
      case 'restart':
        this.#finish({ kind: 'ended', message: `restart asked for: ${message.message}` })
        return
      case 'failed':
        this.#fail(message.message)
        return
      case 'stopped':
        this.#finish({ kind: 'ended', message: 'the receiver has stopped' })
        return
    }
  }

  #store(message: Extract<UpMessage, { kind: 'store' }>): void {
    if (this.#stores.size >= STORES_MAX) {
      this.#fail(`the process sent more than ${String(STORES_MAX)} stores without waiting`)
      this.#child.kill('SIGKILL')
      return
    }
    const store: Promise<void> = this.#add(message).then((reply) => {
      this.#stores.delete(store)
      this.#send(reply)
    })
    this.#stores.add(store)
  }

  async #add({ id, records, block }: Extract<UpMessage, { kind: 'store' }>): Promise<DownMessage> {
    try {
      await this.#context.sink.add({ format: 'values', records, parts: [block] })
      return { kind: 'durable', id }
    } catch (error) {
      const code = error instanceof MillraceError ? error.code : 'MR_RECEIVER_FAILED'
      return { kind: 'refused', id, code, message: messageOf(error) }
    }
  }
}

function died(exit: Exit): MillraceError {
  const how = exit.signal === null ? `code ${String(exit.code)}` : exit.signal
  return new MillraceError('MR_RECEIVER_FAILED', `the receiver's process ended by ${how}`)
}
