/**
 * Datasets as programs see them: handles over plan nodes. Making one exposes the node, so that its
 * rows can be kept.
 */
import type { Key, Pair } from '../base/keys.ts'
import { collect, count, take } from './actions.ts'
import { cogroup, fullJoin, innerJoin, leftJoin, rightJoin } from './cogroup.ts'
import { combineByKey, grouper, reducer } from './combine.ts'
import type { Actions, Dataset, ElementOperators, PairOperators } from './dataset.ts'
import { flatMapRows, filterRows, glomRows, mapPartitionRows, mapRows } from './narrow.ts'
import { blame, callPlace } from './place.ts'
import { drain, type PlanNode } from './plan.ts'
import { distinctRows, flatMapValues, keysOf, mapValues, valuesOf } from './pair-rows.ts'
import { reduceRows, repartition } from './repartition.ts'
import { sortByKey } from './sort.ts'
import { eachRow } from './text.ts'
import { unite } from './union.ts'

export function makeDataset<T>(node: PlanNode<T>): Dataset<T> {
  node.expose()
  return {
    node,
    partitions: node.layout.partitions,
    ...elementOperators(node),
    ...pairOperators,
    ...actions(node),
  }
}

function elementOperators<T>(node: PlanNode<T>): ElementOperators<T> {
  return {
    map: <U>(f: (x: T) => U) => makeDataset(mapRows(node, callPlace('map'), f)),
    filter: (f) => makeDataset(filterRows(node, callPlace('filter'), f)),
    flatMap: <U>(f: (x: T) => Iterable<U>) =>
      makeDataset(flatMapRows(node, callPlace('flatMap'), f)),
    mapPartitions: <U>(f: (rows: Iterable<T>) => Iterable<U>) =>
      makeDataset(mapPartitionRows(node, callPlace('mapPartitions'), f)),
    glom: () => makeDataset(glomRows(node, callPlace('glom'))),
    union: (other) => makeDataset(unite(node.scope, callPlace('union'), [node, other.node])),
    distinct(partitions) {
      return makeDataset(distinctRows(this.node, callPlace('distinct'), partitions))
    },
    repartition: (partitions) =>
      makeDataset(repartition(node, callPlace('repartition'), partitions)),
    keyBy: (f) => makeDataset(mapRows(node, callPlace('keyBy'), (x) => [f(x), x])),
    sortBy<K extends Key>(f: (x: T) => K, ascending = true, partitions?: number) {
      const place = callPlace('sortBy')
      const keyed = mapRows<T, Pair<K, T>>(node, place, (x) => [f(x), x])
      return makeDataset(valuesOf(sortByKey(keyed, place, ascending, partitions), place))
    },
  }
}

const pairOperators: PairOperators = {
  keys() {
    return makeDataset(keysOf(this.node, callPlace('keys')))
  },
  values() {
    return makeDataset(valuesOf(this.node, callPlace('values')))
  },
  mapValues(f) {
    return makeDataset(mapValues(this.node, callPlace('mapValues'), f))
  },
  flatMapValues(f) {
    return makeDataset(flatMapValues(this.node, callPlace('flatMapValues'), f))
  },
  reduceByKey(f, partitions) {
    return makeDataset(combineByKey(this.node, callPlace('reduceByKey'), reducer(f), partitions))
  },
  groupByKey<K extends Key, V>(this: Dataset<Pair<K, V>>, partitions?: number) {
    const grouped = combineByKey(this.node, callPlace('groupByKey'), grouper<V>(), partitions)
    return makeDataset<Pair<K, readonly V[]>>(grouped)
  },
  combineByKey(create, mergeValue, mergeCombiners, partitions) {
    const combiner = { create, mergeValue, mergeCombiners }
    return makeDataset(combineByKey(this.node, callPlace('combineByKey'), combiner, partitions))
  },
  sortByKey(ascending = true, partitions) {
    return makeDataset(sortByKey(this.node, callPlace('sortByKey'), ascending, partitions))
  },
  cogroup(other, partitions) {
    return makeDataset(cogroup(this.node, other.node, callPlace('cogroup'), partitions))
  },
  join(other, partitions) {
    const place = callPlace('join')
    return makeDataset(innerJoin(cogroup(this.node, other.node, place, partitions), place))
  },
  leftOuterJoin(other, partitions) {
    const place = callPlace('leftOuterJoin')
    return makeDataset(leftJoin(cogroup(this.node, other.node, place, partitions), place))
  },
  rightOuterJoin(other, partitions) {
    const place = callPlace('rightOuterJoin')
    return makeDataset(rightJoin(cogroup(this.node, other.node, place, partitions), place))
  },
  fullOuterJoin(other, partitions) {
    const place = callPlace('fullOuterJoin')
    return makeDataset(fullJoin(cogroup(this.node, other.node, place, partitions), place))
  },
}

function actions<T>(node: PlanNode<T>): Actions<T> {
  const { scope } = node
  const firstRows = (name: string, n: number): Promise<readonly T[]> => {
    const place = callPlace(name)
    return scope.act(() => take(node, place, n))
  }
  return {
    count() {
      const place = callPlace('count')
      return scope.act(() => count(node, place))
    },
    collect() {
      const place = callPlace('collect')
      return scope.act(() => collect(node, place))
    },
    take: (n) => firstRows('take', n),
    first: async () => (await firstRows('first', 1))[0],
    isEmpty: async () => (await firstRows('isEmpty', 1)).length === 0,
    reduce(f) {
      const place = callPlace('reduce')
      return scope.act(async () => (await collect(reduceRows(node, place, f), place))[0])
    },
    foreach(f) {
      const place = callPlace('foreach')
      return scope.act(() =>
        forEachRow(node, (x) => {
          try {
            f(x)
          } catch (error) {
            throw blame(place, error)
          }
        }),
      )
    },
  }
}

async function forEachRow<T>(node: PlanNode<T>, f: (x: T) => void): Promise<void> {
  await node.prepare()
  for (const partition of node.own) {
    await drain(node, partition, [], (chunk) => {
      for (const row of eachRow([chunk])) f(row)
    })
  }
}
