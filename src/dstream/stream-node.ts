/**
 * One stream of the graph: how its dataset of a batch follows from its parents'. A stream's dataset
 * is computed once per batch and shared by all who read it; `undefined` means that there is none
 * (which differs from an empty one).
 */
import { MillraceError } from '../base/errors.ts'
import type { Duration } from '../base/time.ts'
import { describePlace } from '../dataset/place.ts'
import type { PlanNode } from '../dataset/plan.ts'
import type { Place } from '../dataset/runtime.ts'
import type { Batch } from './current-batch.ts'
import { invalid, type GraphBuilder } from './graph-builder.ts'

export type Compute<T> = (
  batch: Batch,
) => Promise<PlanNode<T> | undefined> | PlanNode<T> | undefined

export interface StreamOptions<T> {
  readonly graph: GraphBuilder
  readonly kind: string
  readonly place: Place
  readonly parents: readonly StreamNode<unknown>[]
  readonly slide: Duration
  readonly compute: Compute<T>
}

export class StreamNode<T> {
  readonly graph: GraphBuilder
  readonly id: number
  readonly kind: string
  readonly place: Place
  readonly parents: readonly StreamNode<unknown>[]
  readonly slide: Duration
  readonly #compute: Compute<T>
  readonly #memo = new WeakMap<Batch, Promise<PlanNode<T> | undefined>>()
  #consumers = 0

  constructor(options: StreamOptions<T>) {
    this.graph = options.graph
    this.kind = options.kind
    this.place = options.place
    this.parents = options.parents
    this.slide = options.slide
    this.#compute = options.compute
    this.id = options.graph.addNode({
      kind: options.kind,
      parents: options.parents.map((parent) => parent.id),
      slideMs: options.slide,
      place: options.place,
    })
    for (const parent of options.parents) parent.consume()
  }

  /** One more stream or output reads this one. */
  consume(): void {
    this.#consumers += 1
  }

  /** The dataset of the batch, if there is one. */
  datasetOf(batch: Batch): Promise<PlanNode<T> | undefined> {
    let result = this.#memo.get(batch)
    if (result === undefined) {
      result = this.#computeOnce(batch)
      this.#memo.set(batch, result)
    }
    return result
  }

  /** The dataset of the batch, for a reader that cannot do without. */
  async requireDataset(batch: Batch, reader: Place): Promise<PlanNode<T>> {
    const dataset = await this.datasetOf(batch)
    if (dataset !== undefined) return dataset
    const { time } = batch.environment
    throw new MillraceError(
      'MR_NO_DATASET',
      `${describePlace(reader)}: its parent, ${describePlace(this.place)}, has no ` +
        `dataset for the batch of time ${String(time)} ms`,
      { details: { operator: reader.operator, place: reader.location, parent: this.kind, time } },
    )
  }

  async #computeOnce(batch: Batch): Promise<PlanNode<T> | undefined> {
    const dataset = await this.#compute(batch)
    dataset?.expect(this.#consumers)
    return dataset
  }
}

/** A stream of one parent that has no dataset where its parent has none. */
export function derive<T, U>(
  parent: StreamNode<T>,
  place: Place,
  plan: (dataset: PlanNode<T>, batch: Batch) => PlanNode<U>,
): StreamNode<U> {
  return new StreamNode<U>({
    graph: parent.graph,
    kind: place.operator,
    place,
    parents: [parent],
    slide: parent.slide,
    compute: async (batch) => {
      const dataset = await parent.datasetOf(batch)
      return dataset === undefined ? undefined : plan(dataset, batch)
    },
  })
}

/** A stream of one parent that fails (`MR_NO_DATASET`) where its parent has no dataset. */
export function deriveStrictly<T, U>(
  parent: StreamNode<T>,
  place: Place,
  plan: (dataset: PlanNode<T>, batch: Batch) => PlanNode<U> | Promise<PlanNode<U>>,
): StreamNode<U> {
  return new StreamNode<U>({
    graph: parent.graph,
    kind: place.operator,
    place,
    parents: [parent],
    slide: parent.slide,
    compute: async (batch) => await plan(await parent.requireDataset(batch, place), batch),
  })
}

/** A stream of two parents, both of which must have a dataset. */
export function deriveFromBoth<T, U, R>(
  left: StreamNode<T>,
  right: StreamNode<U>,
  place: Place,
  plan: (a: PlanNode<T>, b: PlanNode<U>, batch: Batch) => PlanNode<R> | Promise<PlanNode<R>>,
): StreamNode<R> {
  checkTogether([left, right], place)
  return new StreamNode<R>({
    graph: left.graph,
    kind: place.operator,
    place,
    parents: [left, right],
    slide: left.slide,
    compute: async (batch) => {
      const a = await left.requireDataset(batch, place)
      const b = await right.requireDataset(batch, place)
      return await plan(a, b, batch)
    },
  })
}

/**
 * Streams that are used together are of one program and have one slide. Throws `MR_GRAPH_INVALID`.
 */
export function checkTogether(streams: readonly StreamNode<unknown>[], place: Place): void {
  const [first] = streams
  if (first === undefined) throw invalid(place, 'needs at least one stream')
  for (const stream of streams) {
    if (stream.graph !== first.graph) {
      throw invalid(place, 'the streams belong to different programs')
    }
    if (stream.slide !== first.slide) {
      throw invalid(
        place,
        `the streams have different slides: ${describePlace(first.place)} has ` +
          `${String(first.slide)} ms, ${describePlace(stream.place)} has ` +
          `${String(stream.slide)} ms`,
      )
    }
  }
}
