/**
 * `foreachRDD`: the program's function runs on rank 0 only. Its dataset lives in a scope of its own
 * there; when an action needs rows of other processes, rank 0 asks for them, and the others serve
 * until the function has ended.
 *
 * Nothing is computed that no action asks for. What a function may bring to rank 0 is bounded for
 * the whole call.
 */
import { MillraceError } from '../base/errors.ts'
import { count as countRows, partitionRows, tooLarge } from '../dataset/actions.ts'
import type { Chunk } from '../dataset/chunk.ts'
import type { Dataset } from '../dataset/dataset.ts'
import { encode } from '../dataset/exchange.ts'
import { makeDataset } from '../dataset/make-dataset.ts'
import { blame, describePlace } from '../dataset/place.ts'
import { drain, PlanNode, spread } from '../dataset/plan.ts'
import type { Collective, Place } from '../dataset/runtime.ts'
import { Scope } from '../dataset/scope.ts'
import { decodeFrame } from '../dataset/shuffle-frame.ts'
import { chunksOf, countOf } from '../dataset/text.ts'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type PullAnswer,
  type PullRequest,
} from './pull-message.ts'

/** The function has the dataset to itself: nobody is there to exchange with. */
const ALONE: Collective = {
  rank: 0,
  size: 1,
  exchange: (_label, frames) => Promise.resolve(frames),
}

export async function runForeachRDD<T>(
  dataset: PlanNode<T>,
  place: Place,
  body: (dataset: Dataset<T>) => Promise<void> | void,
): Promise<void> {
  const { scope } = dataset
  dataset.expose()
  if (scope.rank !== 0) {
    await serve(dataset, place)
    return
  }
  const puller = new Puller(dataset, place)
  scope.runtime.enter([place])
  try {
    await body(makeDataset(puller.localNode()))
  } catch (error) {
    throw blame(place, error)
  }
  await puller.end()
}

async function serve(dataset: PlanNode<unknown>, place: Place): Promise<void> {
  const { scope } = dataset
  const nothing = Array.from({ length: scope.size }, () => new Uint8Array(0))
  for (;;) {
    const [bytes] = await scope.exchange(place, nothing)
    const request = decodeRequest(bytes ?? new Uint8Array(0))
    if (request.kind === 'end') return
    const answer = await scope.act(() => answerTo(dataset, place, request))
    const frames = [encodeAnswer(answer), ...nothing.slice(1)]
    await scope.exchange(place, frames)
  }
}

async function answerTo(
  dataset: PlanNode<unknown>,
  place: Place,
  request: Exclude<PullRequest, { kind: 'end' }>,
): Promise<PullAnswer> {
  await dataset.prepare()
  if (request.kind === 'count') return { kind: 'count', count: await ownCount(dataset, place) }
  const sections = []
  for (const source of request.partitions) {
    if (dataset.layout.owner(source) !== dataset.scope.rank) continue
    sections.push({ source, target: 0, rows: await partitionRows(dataset, source, place) })
  }
  const frame = encode(sections, place)
  if (frame.length > request.limit) return { kind: 'tooLarge', bytes: frame.length }
  return { kind: 'rows', frame }
}

/**
 * The asking side. Requests go out one after the other, however many actions the function begins at
 * once.
 */
class Puller<T> {
  readonly #dataset: PlanNode<T>
  readonly #place: Place
  readonly #local: Scope
  #bytesLeft: number
  #tail: Promise<unknown> = Promise.resolve()
  #ended = false

  constructor(dataset: PlanNode<T>, place: Place) {
    const { runtime, partitions, collectBytesMax } = dataset.scope
    this.#dataset = dataset
    this.#place = place
    this.#bytesLeft = collectBytesMax
    this.#local = new Scope({
      runtime: {
        collective: ALONE,
        signal: runtime.signal,
        enter: (places) => {
          runtime.enter(places)
        },
        breathe: () => runtime.breathe(),
      },
      partitions,
      collectBytesMax,
    })
  }

  /**
   * The dataset as this process sees it: all partitions are its own, and opening one brings its
   * rows.
   */
  localNode(): PlanNode<T> {
    return new PlanNode<T>({
      scope: this.#local,
      place: this.#place,
      parents: [],
      layout: {
        ...spread(this.#local, this.#dataset.layout.partitions),
        hashed: this.#dataset.layout.hashed,
        unique: this.#dataset.layout.unique,
      },
      open: (partition) => this.#inOrder(() => this.#rows(partition)),
      count: () => this.#inOrder(() => this.#count()),
    })
  }

  async end(): Promise<void> {
    await this.#inOrder(async () => {
      this.#ended = true
      if (this.#dataset.scope.size > 1) await this.#send({ kind: 'end' })
    })
  }

  async #rows(partition: number): Promise<readonly Chunk<T>[]> {
    const dataset = this.#dataset
    const { scope, layout } = dataset
    if (scope.size === 1) return await this.#ownChunks(partition)
    await this.#send({ kind: 'rows', limit: Math.max(0, this.#bytesLeft), partitions: [partition] })
    await scope.act(() => dataset.prepare())
    const own = layout.owner(partition) === scope.rank
    const chunks = own ? await this.#ownChunks(partition) : []
    for (const answer of await this.#answers()) {
      if (answer.kind === 'count') throw wrongAnswer(this.#place)
      if (answer.kind === 'tooLarge') throw this.#refusal(answer.bytes)
      this.#bytesLeft -= answer.frame.length
      const sections = decodeFrame<T>(answer.frame)
      if (!own) for (const { rows } of sections) chunks.push(...chunksOf(rows))
    }
    return chunks
  }

  async #ownChunks(partition: number): Promise<Chunk<T>[]> {
    const dataset = this.#dataset
    return await dataset.scope.act(async () => {
      await dataset.prepare()
      return [...(await dataset.open(partition))]
    })
  }

  async #count(): Promise<number> {
    const dataset = this.#dataset
    const { scope } = dataset
    if (scope.size === 1) return await scope.act(() => countRows(dataset, this.#place))
    await this.#send({ kind: 'count' })
    let sum = await scope.act(async () => {
      await dataset.prepare()
      return await ownCount(dataset, this.#place)
    })
    for (const answer of await this.#answers()) {
      if (answer.kind !== 'count') throw wrongAnswer(this.#place)
      sum += answer.count
    }
    return sum
  }

  async #send(request: PullRequest): Promise<void> {
    const { scope } = this.#dataset
    const bytes = encodeRequest(request)
    await scope.exchange(
      this.#place,
      Array.from({ length: scope.size }, () => bytes),
    )
  }

  async #answers(): Promise<readonly PullAnswer[]> {
    const { scope } = this.#dataset
    const nothing = Array.from({ length: scope.size }, () => new Uint8Array(0))
    const answers = await scope.exchange(this.#place, nothing)
    return answers.filter((_, rank) => rank !== scope.rank).map(decodeAnswer)
  }

  #refusal(bytes: number): MillraceError {
    return tooLarge(this.#place, bytes, Math.max(0, this.#bytesLeft))
  }

  #inOrder<R>(f: () => Promise<R>): Promise<R> {
    const run = async (): Promise<R> => {
      if (this.#ended) throw endedAlready(this.#place)
      return await f()
    }
    const result = this.#tail.then(run, run)
    this.#tail = result
    return result
  }
}

async function ownCount(dataset: PlanNode<unknown>, place: Place): Promise<number> {
  let sum = 0
  for (const partition of dataset.own) {
    await drain(dataset, partition, [place], (chunk) => {
      sum += countOf(chunk)
    })
  }
  return sum
}

function endedAlready(place: Place): MillraceError {
  return new MillraceError(
    'MR_STATE_INVALID',
    `${describePlace(place)}: its dataset was used after the function had ended: ` +
      'await every action',
    { details: { operator: place.operator, place: place.location } },
  )
}

function wrongAnswer(place: Place): MillraceError {
  return new MillraceError('MR_PROTOCOL', `${describePlace(place)}: an answer of another kind`)
}
