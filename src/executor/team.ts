/**
 * All executors of a program, as one.
 *
 *   build ─► load ─► ( run ─► committed | aborted )* ─► stop
 *
 * Invariants:
 * - state partition p belongs to rank p % size;
 * - an attempt begins only when every rank is ready and holds what is committed;
 * - an attempt that failed on one executor is aborted on all, and none of its changes is kept
 *   anywhere;
 * - no user code is loaded here.
 * A crash of the driver takes the executors with it: what they held is in the checkpoint or was
 * never committed.
 */
import { assert, present } from '../base/assert.ts'
import { encodeKey, hashBytes, partitionOf } from '../base/keys.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { ChildProcess } from '../host/host.ts'
import type { AttemptDone, AttemptOutcome, AttemptRequest, QueryAnswer } from './attempt.ts'
import { within } from './deferred.ts'
import type { Executor, Reply } from './executor.ts'
import { errorOf, failure, whileRunning } from './failure.ts'
import { keyFromJson } from './key-json.ts'
import { type ExecutorTimes, executorTimes } from './limits.ts'
import { merge, outcomeOfFailure, type RankedFailure, worst } from './merge.ts'
import { type ExecutorStatus, type PieceSource, Roster } from './roster.ts'
import type { TeamOptions } from './team-options.ts'

const IDLE_DEATHS_MAX = 10

/** Of the framework's own outputs, after which a process is as good as before. */
const OWN_FAILURES: ReadonlySet<string> = new Set(['MR_OUTPUT_FAILED', 'MR_DISK_FULL'])

export class ExecutorTeam {
  readonly #options: TeamOptions
  readonly #times: ExecutorTimes
  readonly #roster: Roster
  #lastAttempt = -1
  /** The attempt that is done and waits for the decision of its commit. */
  #undecided: number | undefined
  #running = false
  /** Executors that died with nothing to do since the last batch. */
  #idleDeaths = 0

  constructor(options: TeamOptions) {
    assert(options.size >= 1, 'a team has at least one executor')
    this.#options = options
    this.#times = executorTimes(options.times)
    const onIdleDeath = (): void => {
      this.#replaceIdle()
    }
    this.#roster = new Roster({ ...options, onIdleDeath }, this.#times)
  }

  /**
   * Starts every executor, builds the program's graph in each and compares them. Rejects with the
   * program's own error (`MR_PROGRAM_INVALID`, `MR_PROGRAM_BUILD_FAILED`, `MR_GRAPH_INVALID`,
   * `MR_GRAPH_DIFFERS` …); nothing is left running then.
   */
  async build(): Promise<GraphShape> {
    return await this.#roster.build()
  }

  /**
   * Hands each state partition to its executor. Called once, after `build`; the source is kept for
   * replacements.
   */
  async load(pieces: PieceSource): Promise<void> {
    await this.#roster.load(pieces)
  }

  /**
   * Runs one attempt on all executors. Never rejects for what user code or a process does: that is
   * a failed outcome.
   */
  async run(request: AttemptRequest): Promise<AttemptOutcome> {
    assert(request.attempt > this.#lastAttempt, 'attempt numbers grow')
    assert(this.#undecided === undefined, 'the attempt before was committed or aborted')
    this.#lastAttempt = request.attempt
    this.#running = true
    const result = await this.#healAndRun(request).finally(() => {
      this.#running = false
    })
    if (result.kind === 'done') {
      this.#undecided = request.attempt
      return result
    }
    if (result.kind === 'unhealed') return outcomeOfFailure(result.failure)
    this.#abortAll(request.attempt)
    const { rank, error } = result.failure
    if (OWN_FAILURES.has(error.code)) return outcomeOfFailure(result.failure)
    // What a failed function left behind in its process is unknown: it gets a new one.
    present(this.#roster.executors[rank], 'the executor that failed').kill(error)
    // Begun now, so that the wait before the next attempt is not added to it; `run` waits for it.
    void this.#roster.heal()
    return outcomeOfFailure(result.failure)
  }

  async #healAndRun(
    request: AttemptRequest,
  ): Promise<
    AttemptDone | { readonly kind: 'failed' | 'unhealed'; readonly failure: RankedFailure }
  > {
    const unhealed = await this.#roster.heal()
    if (unhealed !== undefined) return { kind: 'unhealed', failure: unhealed }
    return await this.#runAll(request)
  }

  /** The batch of this attempt is committed: what it changed is state from now on. */
  committed(attempt: number): void {
    assert(this.#undecided === attempt, 'what is committed has been done')
    this.#undecided = undefined
    for (const executor of this.#roster.executors) executor.committed(attempt)
    this.#idleDeaths = 0
    this.#replaceIdle()
  }

  /** The attempt is given up although it is done. */
  abort(attempt: number): void {
    assert(this.#undecided === attempt, 'what is aborted has been done')
    this.#undecided = undefined
    this.#abortAll(attempt)
  }

  /**
   * A committed value, decoded by its executor. `key` is JSON data, see `key-json.ts`. Rejects with
   * `MR_KEY_INVALID` for what is no key, and with the executor's own failure when it cannot answer
   * now.
   */
  async query(uid: string, key: unknown): Promise<QueryAnswer> {
    const state = this.#roster.shape?.states.find((one) => one.uid === uid)
    if (state === undefined) return { kind: 'unknownState' }
    const bytes = encodeKey(keyFromJson(key))
    const partition = partitionOf(hashBytes(bytes), state.partitions)
    const owner = this.#roster.executors[partition % this.#options.size]
    const answer = await present(owner, 'owner of a partition').query(uid, partition, bytes)
    if (answer.kind === 'failed') throw errorOf(answer.error)
    return answer.kind === 'found' ? answer : { kind: 'absent' }
  }

  statuses(): readonly ExecutorStatus[] {
    return this.#roster.statuses()
  }

  /** Starts the process of a custom receiver of the program. */
  spawnReceiver(uid: string): ChildProcess {
    return this.#options.processes.receiver(uid)
  }

  async stop(): Promise<void> {
    await this.#roster.stop()
  }

  /**
   * At once, not at the next batch: until then its state could not be asked for. During an attempt
   * and before its commit is decided what is committed is not settled, so `run` and `committed` see
   * to it then. One that dies again and again waits for the next batch.
   */
  #replaceIdle(): void {
    if (this.#running || this.#undecided !== undefined) return
    if (this.#roster.statuses().every(({ state }) => state !== 'dead')) return
    this.#idleDeaths += 1
    if (this.#idleDeaths > IDLE_DEATHS_MAX) return
    void this.#roster.heal().then((failed) => {
      // Another may have died meanwhile.
      if (failed === undefined) this.#replaceIdle()
    })
  }

  #abortAll(attempt: number): void {
    for (const executor of this.#roster.executors) executor.abort(attempt)
  }

  async #runAll(
    request: AttemptRequest,
  ): Promise<AttemptDone | { readonly kind: 'failed'; readonly failure: RankedFailure }> {
    const { clock } = this.#options
    const { abortGraceMs, attemptTimeoutMs } = this.#times
    const executors = this.#roster.executors
    const running = executors.map((executor) => executor.run(request))
    const first = await within(clock, attemptTimeoutMs, firstFailure(running), 'late' as const)
    const late = first === 'late' ? this.#tooLong(executors) : undefined
    if (first !== 'done') {
      this.#abortAll(request.attempt)
      await within(clock, abortGraceMs, Promise.all(running), undefined)
      for (const executor of executors) {
        if (executor.state === 'running') executor.kill(restless(executor))
      }
    }
    const replies = await Promise.all(running)
    const failed = late ?? worst(replies)
    if (failed !== undefined) return { kind: 'failed', failure: failed }
    return merge(replies.filter((reply) => reply.kind === 'done'))
  }

  #tooLong(executors: readonly Executor[]): RankedFailure {
    const slow = executors.find((executor) => executor.state === 'running')
    const places = slow?.places ?? []
    const limit = `${String(this.#times.attemptTimeoutMs)} ms`
    const message = `the attempt took longer than ${limit}${whileRunning(places)}`
    return { rank: slow?.rank ?? 0, error: failure('MR_EXECUTOR_HUNG', message, places) }
  }
}

/**
 * An executor whose aborted attempt goes on: it is replaced, since nothing else would stop that.
 */
function restless(executor: Executor): ReturnType<typeof failure> {
  const message = `executor ${String(executor.rank)} did not end its aborted attempt in time`
  return failure('MR_ATTEMPT_ABORTED', message, executor.places)
}

/** Resolves at the first failure, or when all are done. */
async function firstFailure(replies: readonly Promise<Reply>[]): Promise<'failed' | 'done'> {
  const failures = replies.map(async (reply) => {
    if ((await reply).kind === 'failed') throw new Error('failed')
  })
  return await Promise.all(failures).then(
    () => 'done',
    () => 'failed',
  )
}
