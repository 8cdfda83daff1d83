/**
 * The driver's end of one executor: its process, its conversation, and how it ended.
 *
 *   starting ─► ready ─► running ─► unsettled ─► ready
 *                 ▲         │
 *                 └─────────┘ failed            any ─► dead
 *
 * `unsettled` is an attempt that is done but neither committed nor aborted. Invariants: one attempt
 * at a time; a reply about any other attempt is ignored; once dead, an executor stays dead and
 * every wait for it has been answered. No user code is loaded here.
 */
import { assert } from '../base/assert.ts'
import { messageOf } from '../base/errors.ts'
import type { Place } from '../dataset/runtime.ts'
import type { ChildProcess, Clock } from '../host/host.ts'
import type { AttemptDone, AttemptRequest, Failure } from './attempt.ts'
import { type Deferred, deferred, within } from './deferred.ts'
import { BEING_REPLACED, crash, errorOf, failure, failureOfExit, whileRunning } from './failure.ts'
import { type ExecutorState, moved } from './executor-state.ts'
import { Heartbeat } from './heartbeat.ts'
import { EXECUTOR_LIMITS, type ExecutorTimes } from './limits.ts'
import { type Piece, pieceBatches } from './piece-batches.ts'
import {
  decodeFromExecutor,
  encodeToExecutor,
  type FromExecutor,
  type Member,
  type StartOptions,
  type ToExecutor,
} from './protocol.ts'
import { type Answer, Queries } from './queries.ts'

export type Reply = AttemptDone | { readonly kind: 'failed'; readonly error: Failure }
type Built = Extract<FromExecutor, { kind: 'built' }>

export interface ExecutorParts {
  readonly rank: number
  readonly incarnation: number
  /** Starts its process; what it prints to stderr goes to the function too. */
  readonly spawn: (onStderr: (line: string) => void) => ChildProcess
  readonly clock: Clock
  readonly times: ExecutorTimes
}

export class Executor {
  readonly rank: number
  readonly incarnation: number
  readonly #child: ChildProcess
  readonly #clock: Clock
  readonly #times: ExecutorTimes
  readonly #stderr: string[] = []
  /** Resolves with the reason when the executor is dead. */
  readonly ended: Promise<Failure>
  readonly #end = deferred<Failure>()
  #state: ExecutorState = 'starting'
  #stopping = false
  #killed = false
  /** The one reply that `start`, `describe` or `load` waits for. */
  #step: Deferred<FromExecutor> | undefined
  #attempt: { readonly number: number; readonly reply: Deferred<Reply> } | undefined
  #places: readonly Place[] = []
  readonly #queries = new Queries()
  readonly #heartbeat: Heartbeat

  constructor(parts: ExecutorParts) {
    this.rank = parts.rank
    this.incarnation = parts.incarnation
    this.#clock = parts.clock
    this.#times = parts.times
    this.ended = this.#end.promise
    this.#heartbeat = new Heartbeat({
      clock: parts.clock,
      pingMs: parts.times.pingMs,
      hangTimeoutMs: parts.times.hangTimeoutMs,
      ping: (n) => {
        this.#send({ kind: 'ping', n })
      },
      onHang: () => {
        this.kill(this.#hung(`in user code${whileRunning(this.#places)}`))
      },
    })
    this.#child = parts.spawn((line) => {
      this.#stderr.push(line)
      if (this.#stderr.length > EXECUTOR_LIMITS.stderrLinesMax) this.#stderr.shift()
    })
    this.#child.channel.onMessage((message) => {
      this.#receive(message)
    })
    void this.#watchExit()
  }

  get pid(): number {
    return this.#child.pid
  }
  get state(): ExecutorState {
    return this.#state
  }
  /** Dead by a signal from outside. */
  get killed(): boolean {
    return this.#killed
  }
  /** The operators that ran last, as far as is known. */
  get places(): readonly Place[] {
    return this.#places
  }

  /** Builds the program. Rejects with its own error, or when the process dies or hangs. */
  async start(options: StartOptions): Promise<Built> {
    const reply = await this.#ask({ kind: 'start', options }, 'building the program')
    if (reply.kind === 'built') return reply
    throw this.#unexpected(reply)
  }

  /** The shape of its graph, as text. */
  async describe(): Promise<string> {
    const reply = await this.#ask({ kind: 'describe' }, 'describing its graph')
    if (reply.kind === 'described') return reply.shape
    throw this.#unexpected(reply)
  }

  /**
   * Gives it the pieces of one state partition, in messages of bounded size, one after the other.
   */
  async load(uid: string, partition: number, pieces: AsyncIterable<Piece>): Promise<void> {
    for await (const batch of pieceBatches(pieces, EXECUTOR_LIMITS.loadBytesMax)) {
      const message = { kind: 'load', uid, partition, ...batch } as const
      const reply = await this.#ask(message, `loading state '${uid}'`)
      if (reply.kind !== 'loaded') throw this.#unexpected(reply)
    }
  }

  /** Tells it its peers; from now on it takes attempts. */
  join(members: readonly Member[]): void {
    this.#send({ kind: 'members', members })
    if (this.#state === 'starting') this.#move('ready')
  }

  /** Never rejects: a death is a failed attempt, also one between the last look and this call. */
  run(request: AttemptRequest): Promise<Reply> {
    if (this.#state === 'dead') return this.ended.then((error) => ({ kind: 'failed', error }))
    this.#move('running')
    const reply = deferred<Reply>()
    this.#attempt = { number: request.attempt, reply }
    this.#places = []
    this.#heartbeat.start()
    this.#send({ kind: 'run', ...request })
    return reply.promise
  }

  /** The attempt that is done was committed. */
  committed(attempt: number): void {
    if (this.#state !== 'unsettled' || this.#attempt?.number !== attempt) return
    this.#send({ kind: 'committed', attempt })
    this.#settle('ready')
  }

  /** Gives an attempt up. One that still runs ends with a reply, one that is done is dropped. */
  abort(attempt: number): void {
    if (this.#attempt?.number !== attempt) return
    this.#send({ kind: 'abort', attempt })
    if (this.#state === 'unsettled') this.#settle('ready')
  }

  /** A committed value. Rejects when the executor dies or does not answer in time. */
  async query(uid: string, partition: number, key: Uint8Array): Promise<Answer> {
    if (this.#state === 'dead' || this.#state === 'starting') throw errorOf(BEING_REPLACED)
    const answer = await this.#queries.ask(this.#clock, this.#times.hangTimeoutMs, (id) => {
      this.#send({ kind: 'query', id, uid, partition, key })
    })
    if (answer === undefined) throw errorOf(this.#hung('answering a query'))
    return answer
  }

  /** Lets it close the program's resources and end; kills it when that takes too long. */
  async stop(): Promise<void> {
    if (this.#state === 'dead') return
    this.#stopping = true
    this.#send({ kind: 'stop' })
    const ended = await within(this.#clock, this.#times.stopGraceMs, this.ended, undefined)
    if (ended === undefined) this.kill(failure('MR_EXECUTOR_DIED', 'it did not stop in time'))
  }

  /** Ends it at once, for the reason given. */
  kill(reason: Failure): void {
    if (this.#state === 'dead') return
    this.#child.kill('SIGKILL')
    this.#die(reason)
  }

  #move(to: ExecutorState): void {
    this.#state = moved(this.rank, this.#state, to)
  }

  #settle(to: 'ready' | 'dead'): void {
    this.#attempt = undefined
    this.#move(to)
  }

  #send(message: ToExecutor): void {
    if (this.#state !== 'dead') this.#child.channel.send(encodeToExecutor(message))
  }

  async #ask(message: ToExecutor, what: string): Promise<FromExecutor> {
    assert(this.#step === undefined, 'one step at a time')
    const dead = this.ended.then((reason) => ({ kind: 'refused', error: reason }) as const)
    const step = deferred<FromExecutor>()
    this.#step = step
    try {
      this.#send(message)
      const answered = Promise.race([step.promise, dead])
      const reply = await within(this.#clock, this.#times.startTimeoutMs, answered, undefined)
      if (reply !== undefined) return reply
      const reason = this.#hung(what)
      this.kill(reason)
      return { kind: 'refused', error: reason }
    } finally {
      this.#step = undefined
    }
  }

  #unexpected(reply: FromExecutor): Error {
    if (reply.kind === 'refused') return errorOf(reply.error, { rank: this.rank })
    return errorOf(failure('MR_PROTOCOL', `an executor answered '${reply.kind}' out of turn`))
  }

  #hung(what: string): Failure {
    const who = `executor ${String(this.rank)}`
    return failure('MR_EXECUTOR_HUNG', `${who} hangs ${what}`, this.#places)
  }

  #receive(message: Uint8Array): void {
    if (this.#state === 'dead') return
    try {
      this.#handle(decodeFromExecutor(message))
    } catch (error) {
      this.kill(failure('MR_PROTOCOL', messageOf(error), this.#places))
    }
  }

  #handle(message: FromExecutor): void {
    switch (message.kind) {
      case 'progress':
        if (message.attempt === this.#attempt?.number) this.#places = message.places
        return
      case 'done':
      case 'failed':
        this.#reply(message)
        return
      case 'pong':
        this.#heartbeat.heard()
        return
      case 'answer':
        this.#queries.answer(message.id, message.result)
        return
      case 'crashed':
        this.kill(crash(this.rank, message.error, this.#places))
        return
      default:
        this.#step?.resolve(message)
    }
  }

  #reply(message: Extract<FromExecutor, { kind: 'done' | 'failed' }>): void {
    const attempt = this.#attempt
    if (this.#state !== 'running' || attempt?.number !== message.attempt) return
    this.#heartbeat.stop()
    this.#places = []
    if (message.kind === 'done') {
      const { states, outputs, records } = message
      this.#move('unsettled')
      attempt.reply.resolve({ kind: 'done', states, outputs, records })
    } else {
      this.#settle('ready')
      attempt.reply.resolve({ kind: 'failed', error: message.error })
    }
  }

  async #watchExit(): Promise<void> {
    const exit = await this.#child.exited
    if (this.#state === 'dead') return
    this.#killed = exit.signal === 'SIGKILL' || exit.signal === 'SIGTERM'
    this.#die(
      this.#stopping
        ? failure('MR_EXECUTOR_DIED', 'it was stopped')
        : failureOfExit(this.rank, exit, this.#stderr, this.#places),
    )
  }

  #die(reason: Failure): void {
    const attempt = this.#state === 'running' ? this.#attempt : undefined
    this.#heartbeat.stop()
    this.#settle('dead')
    this.#child.channel.close()
    this.#end.resolve(reason)
    attempt?.reply.resolve({ kind: 'failed', error: reason })
    this.#queries.failAll(errorOf(BEING_REPLACED))
  }
}
