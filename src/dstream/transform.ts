/**
 * Streams made by the program's own dataset functions, and unions. All their parents must have a
 * dataset.
 */
import type { Dataset } from '../dataset/dataset.ts'
import { makeDataset } from '../dataset/make-dataset.ts'
import { blame } from '../dataset/place.ts'
import { PlanNode } from '../dataset/plan.ts'
import type { Place } from '../dataset/runtime.ts'
import { unite } from '../dataset/union.ts'
import type { Batch } from './current-batch.ts'
import type { BatchContext } from './dstream.ts'
import { invalid } from './graph-builder.ts'
import { checkTogether, deriveFromBoth, deriveStrictly, StreamNode } from './stream-node.ts'

export function united<T>(parents: readonly StreamNode<T>[], place: Place): StreamNode<T> {
  return ofAll(parents, place, (datasets, batch) => unite(batch.scope, place, datasets))
}

export function transformed<T, U>(
  parent: StreamNode<T>,
  place: Place,
  f: (dataset: Dataset<T>, context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
): StreamNode<U> {
  return deriveStrictly(parent, place, (dataset, batch) =>
    call(place, batch, (context) => f(makeDataset(dataset), context)),
  )
}

export function transformedWith<T, O, U>(
  parent: StreamNode<T>,
  other: StreamNode<O>,
  place: Place,
  f: (
    dataset: Dataset<T>,
    other: Dataset<O>,
    context: BatchContext,
  ) => Dataset<U> | Promise<Dataset<U>>,
): StreamNode<U> {
  return deriveFromBoth(parent, other, place, (a, b, batch) =>
    call(place, batch, (context) => f(makeDataset(a), makeDataset(b), context)),
  )
}

export function transformedAll<T, U>(
  parents: readonly StreamNode<T>[],
  place: Place,
  f: (datasets: readonly Dataset<T>[], context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
): StreamNode<U> {
  return ofAll(parents, place, (datasets, batch) =>
    call(place, batch, (context) => f(datasets.map(makeDataset), context)),
  )
}

function ofAll<T, U>(
  parents: readonly StreamNode<T>[],
  place: Place,
  plan: (datasets: readonly PlanNode<T>[], batch: Batch) => PlanNode<U> | Promise<PlanNode<U>>,
): StreamNode<U> {
  checkTogether(parents, place)
  const [first] = parents
  if (first === undefined) throw invalid(place, 'needs at least one stream')
  return new StreamNode<U>({
    graph: first.graph,
    kind: place.operator,
    place,
    parents,
    slide: first.slide,
    compute: async (batch) => {
      const datasets: PlanNode<T>[] = []
      for (const parent of parents) datasets.push(await parent.requireDataset(batch, place))
      return await plan(datasets, batch)
    },
  })
}

/** Runs the program's function; what it gives back must be a dataset of this batch. */
async function call<U>(
  place: Place,
  batch: Batch,
  f: (context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
): Promise<PlanNode<U>> {
  const { time, attempt, runtime } = batch.environment
  runtime.enter([place])
  let made: unknown
  try {
    made = await f({ time, attempt })
  } catch (error) {
    throw blame(place, error)
  }
  const dataset = asDataset<U>(made)
  if (dataset === undefined) throw invalid(place, 'the function must return a dataset')
  if (dataset.node.scope !== batch.scope) {
    throw invalid(place, 'the function returned a dataset of another batch')
  }
  return dataset.node
}

/** What the program returned: the types say a dataset, but untyped code may not agree. */
function asDataset<U>(made: unknown): Dataset<U> | undefined {
  const isDataset = typeof made === 'object' && made !== null && 'node' in made
  return isDataset && made.node instanceof PlanNode ? (made as Dataset<U>) : undefined
}
