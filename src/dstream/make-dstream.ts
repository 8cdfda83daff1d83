/** Streams as programs see them: operators of a node, each of which makes the next node. */
import type { Key, Pair } from '../base/keys.ts'
import type { Duration } from '../base/time.ts'
import {
  cogroup,
  fullJoin,
  innerJoin,
  leftJoin,
  rightJoin,
  type Grouped,
} from '../dataset/cogroup.ts'
import { combineByKey, grouper, reducer, type Combiner } from '../dataset/combine.ts'
import type { Dataset } from '../dataset/dataset.ts'
import { filterRows, flatMapRows, glomRows, mapPartitionRows, mapRows } from '../dataset/narrow.ts'
import { countByValue, flatMapValues, mapValues } from '../dataset/pair-rows.ts'
import { checkPartitions } from '../dataset/pair.ts'
import { callPlace } from '../dataset/place.ts'
import type { PlanNode } from '../dataset/plan.ts'
import { countRows, reduceRows, repartition } from '../dataset/repartition.ts'
import type {
  BatchContext,
  DStream,
  ElementStreams,
  PairStreams,
  StateOptions,
  UpdateState,
} from './dstream.ts'
import { invalid } from './graph-builder.ts'
import { outputsOf } from './outputs.ts'
import { placeWith, requireFunction, requireSynchronous } from './require-function.ts'
import { updateState } from './state.ts'
import { derive, deriveFromBoth, deriveStrictly, type StreamNode } from './stream-node.ts'
import { transformed, transformedWith, united } from './transform.ts'
import type { Place } from '../dataset/runtime.ts'

export function makeDStream<T>(node: StreamNode<T>): DStream<T> {
  const stream: DStream<T> = {
    node,
    ...elementStreams(node, () => stream),
    ...pairStreams,
    ...outputsOf(node),
  }
  return stream
}

function elementStreams<T>(node: StreamNode<T>, self: () => DStream<T>): ElementStreams<T> {
  return {
    map<U>(f: (x: T) => U) {
      const place = placeWith('map', f)
      return makeDStream(derive(node, place, (dataset) => mapRows(dataset, place, f)))
    },
    flatMap<U>(f: (x: T) => Iterable<U>) {
      const place = placeWith('flatMap', f)
      return makeDStream(derive(node, place, (dataset) => flatMapRows(dataset, place, f)))
    },
    filter(f) {
      const place = placeWith('filter', f)
      return makeDStream(derive(node, place, (dataset) => filterRows(dataset, place, f)))
    },
    mapPartitions<U>(f: (rows: Iterable<T>) => Iterable<U>) {
      const place = placeWith('mapPartitions', f)
      return makeDStream(derive(node, place, (dataset) => mapPartitionRows(dataset, place, f)))
    },
    glom() {
      const place = callPlace('glom')
      return makeDStream(derive(node, place, (dataset) => glomRows(dataset, place)))
    },
    repartition(partitions) {
      const place = callPlace('repartition')
      checkPartitions(partitions, place)
      return makeDStream(
        deriveStrictly(node, place, (dataset) => repartition(dataset, place, partitions)),
      )
    },
    keyBy<K extends Key>(f: (x: T) => K) {
      const place = placeWith('keyBy', f)
      const keyed = (x: T): Pair<K, T> => [f(x), x]
      return makeDStream(derive(node, place, (dataset) => mapRows(dataset, place, keyed)))
    },
    count() {
      const place = callPlace('count')
      return makeDStream(deriveStrictly(node, place, (dataset) => countRows(dataset, place)))
    },
    countByValue(partitions) {
      const place = callPlace('countByValue')
      const wanted = wantedPartitions(this.node, place, partitions)
      return makeDStream(
        derive(this.node, place, (dataset) => countByValue(dataset, place, wanted)),
      )
    },
    reduce(f) {
      const place = placeWith('reduce', f)
      return makeDStream(derive(node, place, (dataset) => reduceRows(dataset, place, f)))
    },
    union: (other) => makeDStream(united([node, other.node], callPlace('union'))),
    transform<U>(
      f: (dataset: Dataset<T>, context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
    ) {
      const place = callPlace('transform')
      requireFunction(place, f)
      return makeDStream(transformed(node, place, f))
    },
    transformWith: (other, f) => {
      const place = callPlace('transformWith')
      requireFunction(place, f)
      return makeDStream(transformedWith(node, other.node, place, f))
    },
    persist: self,
    cache: self,
    checkpoint(interval) {
      checkInterval(interval, node.slide, callPlace('checkpoint'))
      return self()
    },
  }
}

function checkInterval(interval: Duration, slide: Duration, place: Place): void {
  if (interval >= slide && interval % slide === 0) return
  throw invalid(
    place,
    `the interval must be a multiple of the stream's slide of ${String(slide)} ms, ` +
      `not ${String(interval)} ms`,
  )
}

/** A number given in the program is checked while it is built, not in the first batch. */
function wantedPartitions(
  node: StreamNode<unknown>,
  place: Place,
  partitions: number | undefined,
): number {
  return partitions === undefined
    ? node.graph.settings.partitions
    : checkPartitions(partitions, place)
}

const pairStreams: PairStreams = {
  mapValues(f) {
    const place = placeWith('mapValues', f)
    return makeDStream(derive(this.node, place, (dataset) => mapValues(dataset, place, f)))
  },
  flatMapValues(f) {
    const place = placeWith('flatMapValues', f)
    return makeDStream(derive(this.node, place, (dataset) => flatMapValues(dataset, place, f)))
  },
  reduceByKey(f, partitions) {
    const place = placeWith('reduceByKey', f)
    return combined(this.node, place, reducer(f), partitions)
  },
  groupByKey<K extends Key, V>(
    this: DStream<Pair<K, V>>,
    partitions?: number,
  ): DStream<Pair<K, readonly V[]>> {
    return combined(this.node, callPlace('groupByKey'), grouper<V>(), partitions)
  },
  combineByKey(create, mergeValue, mergeCombiners, partitions) {
    const place = callPlace('combineByKey')
    for (const f of [create, mergeValue, mergeCombiners]) requireSynchronous(place, f)
    return combined(this.node, place, { create, mergeValue, mergeCombiners }, partitions)
  },
  cogroup(other, partitions) {
    const place = callPlace('cogroup')
    const n = wantedPartitions(this.node, place, partitions)
    return makeDStream(
      deriveFromBoth(this.node, other.node, place, (a, b) => cogroup(a, b, place, n)),
    )
  },
  join(other, partitions) {
    const place = callPlace('join')
    return joined(this, other, place, partitions, innerJoin)
  },
  leftOuterJoin(other, partitions) {
    const place = callPlace('leftOuterJoin')
    return joined(this, other, place, partitions, leftJoin)
  },
  rightOuterJoin(other, partitions) {
    const place = callPlace('rightOuterJoin')
    return joined(this, other, place, partitions, rightJoin)
  },
  fullOuterJoin(other, partitions) {
    const place = callPlace('fullOuterJoin')
    return joined(this, other, place, partitions, fullJoin)
  },
  updateStateByKey,
}

function combined<K extends Key, V, C>(
  node: StreamNode<Pair<K, V>>,
  place: Place,
  combiner: Combiner<V, C>,
  partitions: number | undefined,
): DStream<Pair<K, C>> {
  const n = wantedPartitions(node, place, partitions)
  return makeDStream(derive(node, place, (dataset) => combineByKey(dataset, place, combiner, n)))
}

function joined<K extends Key, V, W, R>(
  left: DStream<Pair<K, V>>,
  right: DStream<Pair<K, W>>,
  place: Place,
  partitions: number | undefined,
  rows: (grouped: PlanNode<Grouped<K, V, W>>, place: Place) => PlanNode<Pair<K, R>>,
): DStream<Pair<K, R>> {
  const n = wantedPartitions(left.node, place, partitions)
  return makeDStream(
    deriveFromBoth(left.node, right.node, place, (a, b) => rows(cogroup(a, b, place, n), place)),
  )
}

function updateStateByKey<K extends Key, V, S>(
  this: DStream<Pair<K, V>>,
  ...given: [StateOptions<S>, UpdateState<V, S>] | [UpdateState<V, S>]
): DStream<Pair<K, S>> {
  const [options, f] = given.length === 2 ? given : [{}, given[0]]
  const place = placeWith('updateStateByKey', f)
  return makeDStream(updateState(this.node, place, options, f))
}
