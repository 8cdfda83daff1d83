/**
 * One batch on its way, as an explicit state machine.
 *
 *   queued ─► running ─► committing ─► publishing ─► completed
 *               │  ▲
 *               ▼  │
 *            waiting ─► blocked
 *
 * `waiting` is the backoff between two attempts, `blocked` a batch that is held because its
 * attempts are used up. A move that is not drawn is a programmer's error.
 */
import { assert } from '../base/assert.ts'
import type { OutputShape } from '../dstream/shape.ts'
import type { BatchInfo, OutputOperationInfo } from './listener-bus.ts'
import type { BatchStatus } from './status.ts'

export type Phase =
  'queued' | 'running' | 'waiting' | 'blocked' | 'committing' | 'publishing' | 'completed'

const MOVES: Readonly<Record<Phase, readonly Phase[]>> = {
  queued: ['running'],
  running: ['waiting', 'committing', 'blocked'],
  waiting: ['running', 'blocked'],
  blocked: ['running'],
  committing: ['publishing'],
  publishing: ['completed'],
  completed: [],
}

const STATUS: Readonly<Record<Phase, BatchStatus['status']>> = {
  queued: 'QUEUED',
  running: 'PROCESSING',
  waiting: 'PROCESSING',
  blocked: 'BLOCKED',
  committing: 'PROCESSING',
  publishing: 'PROCESSING',
  completed: 'COMPLETED',
}

export interface BatchFailure {
  readonly code: string
  readonly message: string
  readonly place?: string
}

export class Batch {
  readonly time: number
  readonly recordsByStream: Readonly<Record<number, number>>
  readonly records: number
  readonly submittedAt: number
  readonly #outputs: readonly OutputShape[]
  #phase: Phase = 'queued'
  #attempts = 0
  #renewedAt = 0
  #startedAt: number | undefined
  #endedAt: number | undefined
  #failure: BatchFailure | undefined

  constructor(
    time: number,
    recordsByStream: Readonly<Record<number, number>>,
    submittedAt: number,
    outputs: readonly OutputShape[],
  ) {
    this.time = time
    this.recordsByStream = recordsByStream
    this.records = Object.values(recordsByStream).reduce((sum, n) => sum + n, 0)
    this.submittedAt = submittedAt
    this.#outputs = outputs
  }

  get phase(): Phase {
    return this.#phase
  }
  get attempts(): number {
    return this.#attempts
  }
  /** Attempts since they were renewed. */
  get tries(): number {
    return this.#attempts - this.#renewedAt
  }
  get failure(): BatchFailure | undefined {
    return this.#failure
  }

  #move(to: Phase): void {
    assert(MOVES[this.#phase].includes(to), `batch ${String(this.time)}: ${this.#phase} → ${to}`)
    this.#phase = to
  }

  startAttempt(now: number): void {
    this.#move('running')
    this.#attempts += 1
    this.#startedAt ??= now
  }

  fail(failure: BatchFailure, next: 'waiting' | 'blocked'): void {
    this.#failure = failure
    this.#move(next)
  }

  /** It gets all its attempts again. */
  renew(): void {
    this.#renewedAt = this.#attempts
  }

  committing(): void {
    this.#move('committing')
    this.#failure = undefined
  }

  publishing(): void {
    this.#move('publishing')
  }

  /** Why it cannot be published now; undefined when it can. It is committed. */
  publicationHeld(failure: BatchFailure | undefined): void {
    assert(this.#phase === 'publishing', 'it is being published')
    this.#failure = failure
  }

  complete(now: number): void {
    this.#move('completed')
    this.#endedAt = now
  }

  status(): BatchStatus {
    return {
      time: this.time,
      status:
        this.#phase === 'publishing' && this.#failure !== undefined
          ? 'BLOCKED'
          : STATUS[this.#phase],
      records: this.records,
      recordsByStream: this.recordsByStream,
      attempts: this.#attempts,
      submittedAt: this.submittedAt,
      ...(this.#startedAt === undefined ? {} : { startedAt: this.#startedAt }),
      ...(this.#endedAt === undefined ? {} : { endedAt: this.#endedAt }),
      ...(this.#failure === undefined ? {} : { error: this.#failure.message }),
      outputs: this.#outputs.map((output) => ({
        outputId: output.outputId,
        uid: output.uid,
        description: `${output.kind} at ${output.place.location ?? 'unknown place'}`,
        status: this.#outputStatus(),
        ...(this.#failure === undefined ? {} : { error: this.#failure.message }),
      })),
    }
  }

  #outputStatus(): BatchStatus['outputs'][number]['status'] {
    if (this.#phase === 'completed') return 'completed'
    if (this.#failure !== undefined) return 'failed'
    return this.#phase === 'queued' ? 'waiting' : 'running'
  }

  info(): BatchInfo {
    const start = this.#startedAt
    const end = this.#endedAt
    const inputs = Object.entries(this.recordsByStream).map(
      ([id, records]) => [Number(id), { streamId: Number(id), records }] as const,
    )
    return {
      batchTime: this.time,
      streamIdToInputInfo: Object.fromEntries(inputs),
      numRecords: this.records,
      submissionTime: this.submittedAt,
      ...(start === undefined
        ? {}
        : { processingStartTime: start, schedulingDelay: start - this.submittedAt }),
      ...(start === undefined || end === undefined
        ? {}
        : {
            processingEndTime: end,
            processingDelay: end - start,
            totalDelay: end - this.submittedAt,
          }),
      outputOperationInfos: Object.fromEntries(
        this.#outputs.map((output) => [output.outputId, this.outputInfo(output)]),
      ),
    }
  }

  outputInfo(output: OutputShape): OutputOperationInfo {
    const start = this.#startedAt
    const end = this.#endedAt
    return {
      batchTime: this.time,
      id: output.outputId,
      name: `${output.kind} ${output.uid}`,
      description: `${output.kind} at ${output.place.location ?? 'unknown place'}`,
      ...(start === undefined ? {} : { startTime: start }),
      ...(end === undefined || start === undefined ? {} : { endTime: end, duration: end - start }),
      ...(this.#failure === undefined ? {} : { failureReason: this.#failure.message }),
    }
  }
}
