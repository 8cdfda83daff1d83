/**
 * Runs a receiver for as long as it is wanted: one life after the other, with growing pauses
 * between them.
 *
 *   idle ──start──► living ──life ended or failed──► resting ──pause over──► living
 *                     │                                 │
 *                     └────────────── stop ─────────────┴──► stopping ──► stopped
 *
 * Pauses double from 0.1 s to 10 s, each shortened by chance to between its half and its whole, so
 * that receivers of one dead peer do not come back together; a life that was healthy for a minute
 * starts them anew. Events: `started` and `stopped` of each life that started, an error for each
 * life that failed. What its burst (the lives since the last healthy one) has told before is
 * marked `repeated`, so that a peer that is gone for a day does not fill a log.
 *
 * Invariants: one life at a time; after `stop` has settled none is begun; a `stop` ends after
 * `stopTimeoutMs`.
 */
import { assert } from '../base/assert.ts'
import { messageOf, MillraceError } from '../base/errors.ts'
import type { Host } from '../host/host.ts'
import { Burst } from './burst.ts'
import type { ReceiverEvent, ReceiverHandle } from './receiver.ts'
import { pause } from './waiting.ts'

const PAUSE_MIN_MS = 100
const PAUSE_MAX_MS = 10_000
const HEALTHY_MS = 60_000
const STOP_TIMEOUT_MS = 10_000

export interface SupervisorOptions {
  /**
   * One life: takes records until `signal` is aborted, then hands over what it holds and resolves.
   * It calls `started` once it can receive. Resolving earlier (with the reason) or rejecting ends
   * the life; the next one follows after a pause.
   */
  readonly live: (signal: AbortSignal, started: (address?: string) => void) => Promise<string>
  readonly onEvent: (event: ReceiverEvent) => void
  /** Whether `start` waits until the first life has started or failed; false by default. */
  readonly startWaits?: boolean
  /** Longest wait of `stop`, in ms; 10 s by default. */
  readonly stopTimeoutMs?: number
}

/** How a life ended; `cause` where it failed. */
interface End {
  readonly message: string
  readonly cause?: unknown
  readonly started: boolean
}

const marked = (repeated: boolean): { repeated?: true } => (repeated ? { repeated } : {})

type State = 'idle' | 'living' | 'resting' | 'stopping' | 'stopped'

const MOVES: Readonly<Record<State, readonly State[]>> = {
  idle: ['living', 'stopped'],
  living: ['resting', 'stopping'],
  resting: ['living', 'stopping'],
  stopping: ['stopped'],
  stopped: [],
}

/**
 * Never throws after `start`; `stop` rejects with `MR_RECEIVER_FAILED` when its time was not
 * enough.
 */
export function superviseReceiver(
  host: Pick<Host, 'clock' | 'random'>,
  options: SupervisorOptions,
): ReceiverHandle {
  return new Supervisor(host, options)
}

class Supervisor implements ReceiverHandle {
  readonly #host: Pick<Host, 'clock' | 'random'>
  readonly #options: SupervisorOptions
  readonly #stopping = new AbortController()
  #state: State = 'idle'
  #ended: Promise<void> | undefined
  readonly #burst = new Burst()
  #failures = 0

  constructor(host: Pick<Host, 'clock' | 'random'>, options: SupervisorOptions) {
    this.#host = host
    this.#options = options
  }

  async start(): Promise<void> {
    this.#move('living')
    const first = new Promise<void>((resolve) => {
      this.#ended = this.#run(resolve)
    })
    if (this.#options.startWaits === true) await first
  }

  async stop(): Promise<void> {
    if (this.#state === 'idle') this.#move('stopped')
    if (this.#ended === undefined) return
    if (this.#state !== 'stopping' && this.#state !== 'stopped') this.#move('stopping')
    this.#stopping.abort(new MillraceError('MR_RECEIVER_FAILED', 'the receiver is being stopped'))
    const ms = this.#options.stopTimeoutMs ?? STOP_TIMEOUT_MS
    const timer = new AbortController()
    const timeout = this.#host.clock.sleep(ms, timer.signal).then(
      () => 'late' as const,
      () => 'cancelled' as const,
    )
    const outcome = await Promise.race([this.#ended, timeout])
    timer.abort()
    if (outcome === 'late') {
      throw new MillraceError('MR_RECEIVER_FAILED', `not stopped after ${String(ms)} ms`)
    }
  }

  #move(to: State): void {
    assert(MOVES[this.#state].includes(to), `receiver: no way from ${this.#state} to ${to}`)
    this.#state = to
  }

  async #run(firstSettled: () => void): Promise<void> {
    const { signal } = this.#stopping
    while (this.#state === 'living') {
      const end = await this.#life(signal, firstSettled)
      const restMs = this.#restMs()
      if (!this.#isStopping() && end.cause !== undefined) this.#report(end, restMs)
      if (end.started) this.#options.onEvent({ kind: 'stopped', message: end.message })
      firstSettled()
      if (this.#isStopping()) break
      this.#move('resting')
      await pause(this.#host.clock, restMs, signal)
      if (!this.#isStopping()) this.#move('living')
    }
    this.#move('stopped')
  }

  #isStopping(): boolean {
    return this.#state === 'stopping'
  }

  async #life(signal: AbortSignal, onStarted: () => void): Promise<End> {
    const { live, onEvent } = this.#options
    const { clock } = this.#host
    let startedAt: number | undefined
    let end: End
    try {
      const message = await live(signal, (address) => {
        startedAt = clock.monotonic()
        const repeated = this.#burst.started()
        onEvent({
          kind: 'started',
          ...marked(repeated),
          ...(address === undefined ? {} : { address }),
        })
        onStarted()
      })
      end = { message, started: true }
    } catch (error) {
      end = { message: messageOf(error), cause: error, started: startedAt !== undefined }
      if (this.#isStopping() && error !== signal.reason) this.#report(end, undefined)
    }
    const healthy = startedAt !== undefined && clock.monotonic() - startedAt >= HEALTHY_MS
    this.#failures = healthy ? 0 : this.#failures + 1
    if (healthy) this.#burst.end()
    return end
  }

  /** Of a life that failed. */
  #report({ message, cause }: End, retryMs: number | undefined): void {
    const code = cause instanceof MillraceError ? cause.code : 'MR_RECEIVER_FAILED'
    this.#options.onEvent({
      kind: 'error',
      code,
      message,
      cause,
      ...marked(this.#burst.failed(message)),
      ...(retryMs === undefined ? {} : { retryMs: Math.round(retryMs) }),
    })
  }

  #restMs(): number {
    const doubled = PAUSE_MIN_MS * 2 ** Math.min(Math.max(this.#failures - 1, 0), 10)
    return Math.min(PAUSE_MAX_MS, doubled) * (0.5 + this.#host.random.next() / 2)
  }
}
