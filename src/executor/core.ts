/**
 * What an executor does, in a process of its own or inline: builds the program's graph, holds its
 * state partitions, runs attempts, answers queries. It knows messages but no channel.
 *
 *   new ─ build ─► built ─ run ─► running ─► undecided ─ committed | aborted ─► built
 *                                    └─ failed ─► built
 *
 * Invariants: one attempt at a time, and none while another is undecided; a failed or aborted
 * attempt leaves no trace in state; queries see committed values only. It ends when its process
 * does: all it holds is in the checkpoint or void.
 */
import { RecordReader } from '../../wal/reader.ts'
import { assert, AssertionFailure, present } from '../base/assert.ts'
import { decodeValue } from '../base/codec.ts'
import { MillraceError } from '../base/errors.ts'
import { hashBytes } from '../base/keys.ts'
import type { Collective, Place, TaskRuntime } from '../dataset/runtime.ts'
import { type App, buildGraph } from '../dstream/app.ts'
import type { BatchEnvironment } from '../dstream/batch.ts'
import type { Graph } from '../dstream/graph.ts'
import { runBatch } from '../dstream/run-batch.ts'
import type { Host } from '../host/host.ts'
import { stageTextFiles } from '../sinks/text-files.ts'
import { ownerOf, type TextFilesPlace } from '../sinks/text-paths.ts'
import type { AttemptRequest } from './attempt.ts'
import { Breath } from './breath.ts'
import { Exchange } from './exchange.ts'
import { failureOf } from './failure.ts'
import { InputReader } from './inputs.ts'
import type { FromExecutor, Member, StartOptions } from './protocol.ts'
import { digestOf, shapeText } from './shape-text.ts'
import { States } from './states.ts'

export interface CoreServices {
  readonly host: Pick<Host, 'clock' | 'fs' | 'net'>
  /** The program's app: from its bundle, or at hand when inline. */
  readonly loadApp: (program: StartOptions['program']) => Promise<App<unknown>>
  /** Tells the driver. */
  readonly send: (message: FromExecutor) => void
}

interface Built {
  readonly options: StartOptions
  readonly graph: Graph
  readonly shape: string
  readonly reader: RecordReader
  readonly exchange: Exchange | undefined
}

interface Attempt {
  readonly number: number
  readonly abort: AbortController
  readonly ended: Promise<void>
}

const placeOf = ({ logDirectory, workingDirectory }: StartOptions): TextFilesPlace => ({
  workingDirectory,
  owner: ownerOf(logDirectory),
})

export class ExecutorCore {
  readonly #services: CoreServices
  readonly #states = new States()
  #built: Built | undefined
  #running: Attempt | undefined
  #undecided: number | undefined

  constructor(services: CoreServices) {
    this.#services = services
  }

  /** Rejects with what is wrong with the program. */
  async build(options: StartOptions): Promise<FromExecutor> {
    assert(this.#built === undefined, 'a program is built once')
    const { host, loadApp } = this.#services
    const app = await loadApp(options.program)
    const { partitions, program } = options
    const known = program.code === undefined ? {} : { code: program.code }
    const graph = buildGraph(app, options.params, { partitions, ...known })
    const exchange = exchangeOf(host, options)
    const path = await exchange?.open()
    const shape = shapeText(graph.shape)
    const reader = new RecordReader(host.fs, options.logDirectory)
    this.#built = { options, graph, shape, reader, exchange }
    const told = options.rank === 0 ? shape : undefined
    return { kind: 'built', digest: digestOf(shape), shape: told, path }
  }

  describe(): FromExecutor {
    return { kind: 'described', shape: this.#program.shape }
  }

  load(message: {
    readonly uid: string
    readonly partition: number
    readonly pieces: readonly { readonly name: string; readonly value: Uint8Array }[]
    readonly last: boolean
  }): FromExecutor {
    const { last, partition, pieces, uid } = message
    const named = pieces.map(({ name, value }) => [name, value] as const)
    this.#states.load(uid, partition, named, last)
    return { kind: 'loaded', uid, partition }
  }

  join(members: readonly Member[]): void {
    this.#program.exchange?.join(members)
  }

  /** Runs an attempt to its reply. Rejects for a broken invariant only. */
  async run(request: AttemptRequest): Promise<FromExecutor> {
    assert(this.#running === undefined, 'one attempt at a time')
    assert(this.#undecided === undefined, 'the attempt before is decided')
    const abort = new AbortController()
    const reply = this.#attempt(request, abort.signal)
    const ended = reply.then(
      () => undefined,
      () => undefined,
    )
    this.#running = { number: request.attempt, abort, ended }
    try {
      return await reply
    } finally {
      this.#running = undefined
    }
  }

  committed(attempt: number): void {
    if (this.#undecided !== attempt) return
    this.#states.commit()
    this.#undecided = undefined
  }

  /** A running attempt ends with a failed reply, soon; an undecided one is dropped. */
  abort(attempt: number): void {
    if (this.#running?.number === attempt) {
      this.#running.abort.abort(new MillraceError('MR_ATTEMPT_ABORTED', 'the attempt was given up'))
    }
    if (this.#undecided !== attempt) return
    this.#states.drop()
    this.#undecided = undefined
  }

  query(message: {
    readonly id: number
    readonly uid: string
    readonly partition: number
    readonly key: Uint8Array
  }): FromExecutor {
    const { id, key, partition, uid } = message
    try {
      const stored = this.#states.committedValue(uid, partition, key, hashBytes(key))
      if (stored === undefined) return { kind: 'answer', id, result: { kind: 'absent' } }
      const codec = present(this.#program.graph.codecs.get(uid), 'codec of a state')
      return { kind: 'answer', id, result: { kind: 'found', value: decodeValue(codec, stored) } }
    } catch (error) {
      if (error instanceof AssertionFailure) throw error
      return { kind: 'answer', id, result: { kind: 'failed', error: failureOf(error, []) } }
    }
  }

  /**
   * Ends the attempt under way and closes the program's resources and the sockets; collects what
   * goes wrong.
   */
  async close(): Promise<void> {
    this.#running?.abort.abort(new MillraceError('MR_ATTEMPT_ABORTED', 'the executor stops'))
    await this.#running?.ended
    if (this.#built === undefined) return
    const { exchange, graph, reader } = this.#built
    const closings = [...graph.resources.values()].map((resource) => resource.release())
    const results = await Promise.allSettled([...closings, exchange?.close(), reader.close()])
    const errors: unknown[] = []
    for (const result of results) if (result.status === 'rejected') errors.push(result.reason)
    if (errors.length > 0) throw new AggregateError(errors, 'closing an executor')
  }

  get #program(): Built {
    return present(this.#built, 'built program')
  }

  async #attempt(request: AttemptRequest, signal: AbortSignal): Promise<FromExecutor> {
    const { attempt, number } = request
    const { exchange, graph, options, reader } = this.#program
    let places: readonly Place[] = []
    const enter = (now: readonly Place[]): void => {
      if (samePlaces(now, places)) return
      places = now
      this.#services.send({ kind: 'progress', attempt, places })
    }
    try {
      const collective = exchange?.begin(attempt, signal) ?? ALONE
      const input = new InputReader(reader, options.partitions)
      const runtime = this.#runtime(collective, signal, enter)
      const outputs = await runBatch(graph, this.#environment(request, runtime, input))
      // Whoever is still at another collective is told at once, not after a time limit.
      if (options.size > 1) await collective.exchange('the end of the batch', NOTHING(options.size))
      signal.throwIfAborted()
      const states = this.#states.prepare(number)
      this.#undecided = attempt
      return { kind: 'done', attempt, states, outputs, records: input.records }
    } catch (error) {
      this.#states.drop()
      if (error instanceof AssertionFailure) throw error
      return { kind: 'failed', attempt, error: failureOf(error, places) }
    } finally {
      exchange?.end()
    }
  }

  #runtime(collective: Collective, signal: AbortSignal, enter: TaskRuntime['enter']): TaskRuntime {
    const breath = new Breath(this.#services.host.clock)
    return { collective, signal, enter, breathe: () => breath.take() }
  }

  #environment(
    request: AttemptRequest,
    runtime: TaskRuntime,
    reader: InputReader,
  ): BatchEnvironment {
    const { graph, options } = this.#program
    const inputs = new Map(request.inputs.map((input) => [input.streamId, input]))
    return {
      time: request.time,
      attempt: request.attempt,
      runtime,
      input: (streamId) => reader.open(present(inputs.get(streamId), 'allocation of an input')),
      state: (uid, partition) => this.#states.view(uid, partition),
      use: (uid) => present(graph.resources.get(uid), 'resource of the program').acquire(),
      outputs: { textFiles: stageTextFiles(this.#services.host.fs, placeOf(options)) },
    }
  }
}

/** The collective of a program's only executor. */
const ALONE: Collective = {
  rank: 0,
  size: 1,
  exchange: (_label, frames) => Promise.resolve(frames),
}

const NOTHING = (size: number): readonly Uint8Array[] =>
  Array.from({ length: size }, () => new Uint8Array(0))

function exchangeOf(
  host: Pick<Host, 'clock' | 'net'>,
  options: StartOptions,
): Exchange | undefined {
  const { exchangeTimeoutMs, incarnation, rank, scratch, secret, size } = options
  if (size === 1) return undefined
  return new Exchange({
    net: host.net,
    clock: host.clock,
    rank,
    size,
    incarnation,
    scratch: present(scratch, 'directory of the sockets'),
    secret,
    timeoutMs: exchangeTimeoutMs,
  })
}

function samePlaces(a: readonly Place[], b: readonly Place[]): boolean {
  return a.length === b.length && a.every((place, i) => place === b[i])
}
