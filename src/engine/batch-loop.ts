/**
 * A batch's way: allocate, compute, commit, publish, clean; one batch after the other, in time
 * order.
 *
 * Invariants:
 * - BatchAllocation(t) is durable before commit(t); a batch that is run again gets the same inputs.
 * - commit(t) is the decision: before it nothing of t is visible, after it t is never computed
 *   again.
 * - t is published before t + 1 is committed, and cleaned only after it was published. What a crash
 *   leaves: an allocation without commit (run again with the same inputs), a commit without cleanup
 *   (its staged outputs are published again), or neither.
 */
import { assert } from '../base/assert.ts'
import { ERROR_CODES, MillraceError, messageOf } from '../base/errors.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { AttemptInput, AttemptOutcome } from '../executor/attempt.ts'
import type { Clock } from '../host/host.ts'
import type { Batch, BatchFailure } from './batch.ts'
import { commitInput, stagedOutputs } from './commit.ts'
import type { History } from './history.ts'
import type { Inputs } from './inputs.ts'
import { type Progress, stageKey } from './layout.ts'
import type { Committer, Team } from './ports.ts'
import { publishAll } from './publication.ts'
import type { Publisher } from './publisher.ts'
import { backoffMs, RETRY_BACKOFF_MAX_MS, type EngineSettings, type Logger } from './settings.ts'
import type { StagedOutput } from './staged-output.ts'
import type { BlockedBatch } from './status.ts'

export interface BatchLoopParts {
  readonly clock: Clock
  readonly settings: EngineSettings
  readonly shape: GraphShape
  readonly team: Team
  readonly committer: Committer
  readonly blocks: BlockStore
  readonly inputs: Inputs
  readonly publisher: Publisher
  readonly history: History
  readonly log: Logger
  /** Receiving may go on where the log has become free. */
  readonly onCleaned: () => void
  /** A batch is held; receiving goes on beside it. */
  readonly onBlocked: () => void
}

/**
 * Attempt numbers begin with the owner's epoch: unique over all lives, so that an old life's files
 * are never taken for new.
 */
const ATTEMPTS_A_LIFE = 1_000_000

const HELD =
  'a batch is blocked and held; receiving goes on. When the cause is gone: ' +
  'POST /api/v1/applications/APP/streaming/batches/retry, or start a repaired program'

export class BatchLoop {
  readonly #parts: BatchLoopParts
  #progress: Progress
  #attempt: number
  #blocked: BlockedBatch | undefined
  /** Ends the waiting of the held batch. */
  #retry: (() => void) | undefined
  /** Keys of staged outputs in the checkpoint that are published already. */
  #published: readonly string[]
  /** The last thing that was to happen between a commit and its receipt, or beside. */
  #boundary: Promise<unknown> = Promise.resolve()

  constructor(parts: BatchLoopParts, progress: Progress, published: readonly string[]) {
    this.#parts = parts
    this.#attempt = parts.blocks.log.epoch * ATTEMPTS_A_LIFE
    this.#progress = progress
    this.#published = published
  }

  get progress(): Progress {
    return this.#progress
  }

  get blocked(): BlockedBatch | undefined {
    return this.#blocked
  }

  /** Tries the held batch again at once, its attempts renewed; undefined when none is held. */
  retryHeld(): BlockedBatch | undefined {
    const held = this.#blocked
    // What is tried by itself already (a publication, or once asked for) needs no push.
    if (held !== undefined) this.#retry?.()
    return held
  }

  /**
   * Runs the batch at `time` to its end: an allocation that is in the log already is taken as it
   * is. Resolves `stopped` when the signal came while the batch could not be finished; nothing of
   * it is visible then.
   */
  async run(time: number, signal: AbortSignal): Promise<'completed' | 'stopped'> {
    const { blocks, history, inputs, settings } = this.#parts
    assert(time > this.#progress.time, 'batches run in time order')
    if (blocks.tracker.allocationOf(time) === undefined) {
      await blocks.allocate(time, { bytesMax: settings.batchBytesMax }, inputs.plan())
    }
    const input = inputs.of(time)
    const batch = history.submitted(time, input.recordsByStream)
    while (!signal.aborted) {
      history.attemptStarted(batch)
      const attempt = ++this.#attempt
      const outcome = await this.#compute(time, attempt, input.inputs)
      if (outcome.kind === 'done') {
        return await this.atBoundary(() => this.#finish(batch, attempt, outcome, signal))
      }
      await this.#failed(batch, outcome, signal)
    }
    return 'stopped'
  }

  /** Runs `work` while no batch is between its commit and its receipt. */
  async atBoundary<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#boundary.then(work)
    this.#boundary = result.catch(() => undefined)
    return await result
  }

  async #compute(
    time: number,
    attempt: number,
    inputs: readonly AttemptInput[],
  ): Promise<AttemptOutcome> {
    const number = this.#parts.committer.root.number + 1
    return await this.#parts.team.run({ time, attempt, number, inputs })
  }

  async #finish(
    batch: Batch,
    attempt: number,
    outcome: AttemptOutcome & { kind: 'done' },
    signal: AbortSignal,
  ): Promise<'completed' | 'stopped'> {
    const { blocks, committer, history, inputs, onCleaned, shape, team } = this.#parts
    batch.committing()
    const number = committer.root.number + 1
    const progress = inputs.advance(this.#progress, batch.time)
    const staged = stagedOutputs(shape.outputs, outcome.outputs, { time: batch.time, attempt })
    // With less than 'sync' the allocation may not be on disk yet, and must be before the commit.
    await blocks.log.sync()
    const root = await committer.commit(
      commitInput({
        number,
        time: batch.time,
        attempt,
        epoch: blocks.log.epoch,
        logPosition: blocks.log.durable,
        progress,
        states: outcome.states,
        staged,
        published: this.#published,
      }),
    )
    assert(root.number === number, 'a commit gets the number it was computed for')
    this.#progress = progress
    this.#blocked = undefined
    team.committed(attempt)
    batch.publishing()
    if ((await this.publish(staged, signal, batch)) === 'stopped') return 'stopped'
    if (batch.attempts > 1) await this.sweep()
    this.#published = staged.map((output) => stageKey(number, output.outputId))
    await blocks.cleanup(batch.time, root.number, root.digest)
    history.completed(batch)
    onCleaned()
    return 'completed'
  }

  /**
   * Publishes what a commit staged; `stopped` when the signal came while it could not be: the next
   * start publishes it.
   */
  async publish(
    staged: readonly StagedOutput[],
    signal: AbortSignal,
    batch?: Batch,
  ): Promise<'published' | 'stopped'> {
    return await publishAll(this.#parts, staged, signal, (held) => {
      const first = this.#blocked === undefined
      this.#blocked = held
      batch?.publicationHeld(held)
      if (first) this.#parts.onBlocked()
    })
  }

  /**
   * Removes the files of attempts that came to nothing. They are only litter: a failure is logged.
   */
  async sweep(): Promise<void> {
    try {
      await this.#parts.publisher.sweep()
    } catch (error) {
      this.#parts.log.warn({}, `staged files of aborted attempts stay behind: ${messageOf(error)}`)
    }
  }

  /** Resolves when the batch may be tried again, or when the signal came. */
  async #failed(
    batch: Batch,
    outcome: AttemptOutcome & { kind: 'failed' },
    signal: AbortSignal,
  ): Promise<void> {
    if (signal.aborted) return
    const { clock, history, log, settings } = this.#parts
    const failure: BatchFailure = {
      code: outcome.code,
      message: outcome.message,
      ...(outcome.place === undefined ? {} : { place: outcome.place }),
    }
    const details = { batch: batch.time, attempt: batch.attempts, ...failure }
    const mayHelp = ERROR_CODES[outcome.code]
    // A full disk is no fault of the batch: it waits for room as long as it takes.
    const patient = outcome.code === 'MR_DISK_FULL'
    if (patient || (mayHelp && batch.tries < settings.maxAttempts)) {
      history.attemptFailed(batch, failure, 'waiting')
      log.warn(details, 'a batch failed and is tried again')
      await sleepUnlessStopped(clock, backoffMs(settings, batch.tries + 1), signal)
      return
    }
    history.attemptFailed(batch, failure, 'blocked')
    this.#blocked = {
      time: batch.time,
      attempts: batch.attempts,
      ...failure,
      since: clock.now(),
    }
    log.error(details, HELD)
    this.#parts.onBlocked()
    if (settings.failFast) {
      throw new MillraceError('MR_USER_FUNCTION_FAILED', outcome.message, {
        details,
      })
    }
    const how = await this.#untilRetry(outcome.code === 'MR_OUTPUT_FAILED', signal)
    if (how === 'stop') return
    batch.renew()
    log.info({ batch: batch.time }, `the held batch is tried again${how}`)
  }

  /**
   * Until somebody asks for it, and by itself where the obstacle lies outside of the program and
   * may be taken away (`passes`). The batch stays held until it is committed.
   */
  async #untilRetry(passes: boolean, signal: AbortSignal): Promise<'stop' | '' | ', as was asked'> {
    const waiting = new AbortController()
    const stop = stopped(signal).then(() => 'stop' as const)
    const ways: Promise<'stop' | '' | ', as was asked'>[] = [stop, this.#retried()]
    if (passes) {
      const again = sleepUnlessStopped(this.#parts.clock, RETRY_BACKOFF_MAX_MS, waiting.signal)
      ways.push(again.then(() => '' as const))
    }
    const how = await Promise.race(ways)
    waiting.abort()
    this.#retry = undefined
    return how
  }

  #retried(): Promise<', as was asked'> {
    return new Promise((resolve) => {
      this.#retry = () => {
        resolve(', as was asked')
      }
    })
  }
}

async function sleepUnlessStopped(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  try {
    await clock.sleep(ms, signal)
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Resolves when the signal is aborted. */
export async function stopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve()
      },
      { once: true },
    )
  })
}
