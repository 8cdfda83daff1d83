/**
 * Who holds which rank: starts the executors of a program, compares their graphs, gives each its
 * state, and puts a new process in the place of a dead one.
 *
 * Invariants: a rank is held by one process, its newest incarnation; an executor is `ready` only
 * after its graph was found equal to executor 0's, its partitions hold what is committed, and it
 * was told its peers.
 */
import { assert, AssertionFailure, present } from '../base/assert.ts'
import { isMillraceError, MillraceError } from '../base/errors.ts'
import type { GraphShape } from '../dstream/shape.ts'
import { Executor } from './executor.ts'
import { all } from './deferred.ts'
import { failure, failureOf, irreplaceable } from './failure.ts'
import type { ExecutorTimes } from './limits.ts'
import type { RankedFailure } from './merge.ts'
import type { Piece } from './piece-batches.ts'
import { decodeShapeText, digestOf, firstDifference } from './shape-text.ts'
import type { TeamOptions } from './team-options.ts'

/** Pieces of a state partition as they are committed now. */
export type PieceSource = (uid: string, partition: number) => AsyncIterable<Piece>

export interface ExecutorStatus {
  readonly rank: number
  readonly pid: number | undefined
  readonly state: 'starting' | 'ready' | 'dead'
  readonly restarts: number
}

/** One rank: its newest process, how its peers reach it, and how often it was replaced. */
interface Seat {
  readonly rank: number
  executor: Executor
  path: string
  restarts: number
}

interface RosterOptions extends TeamOptions {
  readonly onIdleDeath?: () => void
}

const SECRET_BYTES = 16
/** Processes of a rank that may be killed while the driver starts. */
const START_TRIES = 3

export class Roster {
  readonly #options: RosterOptions
  readonly #times: ExecutorTimes
  readonly #secret: Uint8Array
  #seats: readonly Seat[] = []
  #scratch: string | undefined
  #shape: GraphShape | undefined
  #digest = ''
  #pieces: PieceSource | undefined
  #incarnations = 0
  #healing: Promise<RankedFailure | undefined> | undefined
  #stopped = false

  constructor(options: RosterOptions, times: ExecutorTimes) {
    this.#options = options
    this.#times = times
    this.#secret = options.random.bytes(SECRET_BYTES)
  }

  /** By rank. */
  get executors(): readonly Executor[] {
    return this.#seats.map((seat) => seat.executor)
  }

  get shape(): GraphShape | undefined {
    return this.#shape
  }

  /** Starts all. Rejects with the program's own error; nothing is left running then. */
  async build(): Promise<GraphShape> {
    assert(this.#seats.length === 0, 'a team is built once')
    const { processes, size } = this.#options
    if (size > 1) this.#scratch = await processes.scratch()
    this.#seats = Array.from({ length: size }, (_, rank) => ({
      rank,
      executor: this.#spawn(rank),
      path: '',
      restarts: 0,
    }))
    try {
      const digests = await all(this.#seats.map((seat) => this.#startSurely(seat)))
      for (const seat of this.#seats) {
        await this.#compare(seat, present(digests[seat.rank], 'digest of a graph'))
      }
      return present(this.#shape, 'shape told by executor 0')
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Hands each state partition to its executor, and remembers the source for replacements. */
  async load(pieces: PieceSource): Promise<void> {
    this.#pieces = pieces
    await all(this.#seats.map((seat) => this.#fillSurely(seat)))
    this.#join()
    for (const { executor } of this.#seats) this.#watch(executor)
  }

  /**
   * Replaces every dead executor. A replacement that cannot be started is a value; the next call
   * tries again.
   */
  async heal(): Promise<RankedFailure | undefined> {
    this.#healing ??= this.#replaceDead().finally(() => {
      this.#healing = undefined
    })
    return await this.#healing
  }

  statuses(): readonly ExecutorStatus[] {
    return this.#seats.map(({ executor, rank, restarts }) => {
      const { state } = executor
      const told = state === 'dead' || state === 'starting' ? state : 'ready'
      return { rank, pid: state === 'dead' ? undefined : executor.pid, state: told, restarts }
    })
  }

  /** Ends every executor: in peace where it answers in time, by force where not. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all(this.#seats.map(({ executor }) => executor.stop()))
    await this.#healing
    if (this.#scratch !== undefined) await this.#options.processes.removeScratch(this.#scratch)
    this.#scratch = undefined
  }

  #spawn(rank: number): Executor {
    const { clock, processes } = this.#options
    return new Executor({
      rank,
      incarnation: this.#incarnations++,
      clock,
      times: this.#times,
      spawn: (onStderr) => processes.executor({ rank, scratch: this.#scratch, onStderr }),
    })
  }

  /** An executor that dies while no attempt wants it is told of at once. */
  #watch(executor: Executor): void {
    void executor.ended.then(() => {
      if (!this.#stopped) this.#options.onIdleDeath?.()
    })
  }

  /** As `#start`; a process that was killed from outside is replaced. */
  async #startSurely(seat: Seat): Promise<string> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#start(seat)
      } catch (error) {
        if (!seat.executor.killed || this.#stopped || tries >= START_TRIES) throw error
        await this.#renew(seat)
      }
    }
  }

  /** As `#fill`; a process that was killed from outside is replaced. */
  async #fillSurely(seat: Seat): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await this.#fill(seat)
        if (!seat.executor.killed || tries >= START_TRIES) return
      } catch (error) {
        if (!seat.executor.killed || this.#stopped || tries >= START_TRIES) throw error
      }
      await this.#renew(seat)
      await this.#compare(seat, await this.#startSurely(seat))
    }
  }

  /** A new process in the place of a dead one. */
  async #renew(seat: Seat): Promise<void> {
    const reason = await seat.executor.ended
    seat.executor = this.#spawn(seat.rank)
    seat.restarts += 1
    this.#options.onRestart?.(seat.rank, reason)
    await this.#unlink(seat)
  }

  /**
   * Builds the program in a seat's process; the digest of its graph. Rank 0 tells the shape when
   * nobody has yet.
   */
  async #start(seat: Seat): Promise<string> {
    const { logDirectory, params, partitions, program, size, workingDirectory } = this.#options
    const built = await seat.executor.start({
      rank: seat.rank,
      size,
      incarnation: seat.executor.incarnation,
      program,
      params,
      partitions,
      logDirectory,
      workingDirectory,
      scratch: this.#scratch,
      secret: this.#secret,
      exchangeTimeoutMs: this.#times.exchangeTimeoutMs,
    })
    seat.path = built.path ?? ''
    if (built.shape !== undefined && this.#shape === undefined) {
      this.#shape = decodeShapeText(built.shape)
      this.#digest = digestOf(built.shape)
    }
    return built.digest
  }

  /**
   * Throws `MR_GRAPH_DIFFERS` with the first difference when the process built another graph than
   * executor 0.
   */
  async #compare(seat: Seat, digest: string): Promise<void> {
    if (digest === this.#digest) return
    const shape = present(this.#shape, 'shape told by executor 0')
    const other = decodeShapeText(await seat.executor.describe())
    const where = firstDifference(shape, other) ?? 'the difference cannot be shown'
    const message =
      `the program built two different graphs, in executor 0 and in executor ` +
      `${String(seat.rank)}: ${where}; what it builds may depend on its parameters only`
    throw new MillraceError('MR_GRAPH_DIFFERS', message, { details: { rank: seat.rank } })
  }

  async #fill(seat: Seat): Promise<void> {
    const { size } = this.#options
    const pieces = present(this.#pieces, 'source of state pieces')
    for (const { uid, partitions } of present(this.#shape, 'shape').states) {
      for (let p = seat.rank; p < partitions; p += size) {
        await seat.executor.load(uid, p, pieces(uid, p))
      }
    }
  }

  #join(): void {
    const members = this.#seats.map(({ executor, path, rank }) => ({
      rank,
      incarnation: executor.incarnation,
      path,
    }))
    for (const { executor } of this.#seats) executor.join(members)
  }

  async #replaceDead(): Promise<RankedFailure | undefined> {
    const dead = this.#seats.filter(({ executor }) => executor.state === 'dead')
    if (dead.length === 0) return undefined
    if (this.#stopped) {
      return { rank: 0, error: failure('MR_ATTEMPT_ABORTED', 'the executors were stopped') }
    }
    const failures = await Promise.all(dead.map((seat) => this.#replace(seat)))
    const failed = failures.find((one) => one !== undefined)
    if (failed !== undefined) return (await this.#renewScratch(failed.rank)) ?? failed
    this.#join()
    for (const { executor } of dead) this.#watch(executor)
    return undefined
  }

  /**
   * Makes a new directory of the sockets where the old one is missing. The sockets of the living
   * went with it, so they are ended too, and the next call of `heal` starts everyone anew.
   */
  async #renewScratch(rank: number): Promise<RankedFailure | undefined> {
    const { processes } = this.#options
    try {
      if (this.#scratch === undefined || (await processes.hasScratch(this.#scratch)))
        return undefined
      this.#scratch = await processes.scratch()
    } catch (error) {
      return { rank, error: irreplaceable(rank, error) }
    }
    const gone = failure('MR_EXECUTOR_DIED', 'the directory of the executors’ sockets was removed')
    for (const { executor } of this.#seats) executor.kill(gone)
    return undefined
  }

  /** Removes the socket that a dead executor left behind. */
  async #unlink(seat: Seat): Promise<void> {
    if (seat.path !== '') await this.#options.processes.removeScratch(seat.path)
    seat.path = ''
  }

  async #replace(seat: Seat): Promise<RankedFailure | undefined> {
    try {
      await this.#renew(seat)
      const digest = await this.#start(seat)
      await this.#compare(seat, digest)
      await this.#fill(seat)
      return undefined
    } catch (error) {
      if (error instanceof AssertionFailure) throw error
      const why = isMillraceError(error) ? failureOf(error, []) : irreplaceable(seat.rank, error)
      seat.executor.kill(why)
      return { rank: seat.rank, error: why }
    }
  }
}
