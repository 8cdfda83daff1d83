/** Two datasets of pairs brought together by key, and the joins that follow from it. */
import { mapKey, type Key, type MapKey, type Pair } from '../base/keys.ts'
import type { Chunk } from './chunk.ts'
import { combineByKey, grouper } from './combine.ts'
import { flatMapRows } from './narrow.ts'
import { checkPartitions } from './pair.ts'
import { drain, PlanNode } from './plan.ts'
import type { Place } from './runtime.ts'
import { chunksOf, eachRow } from './text.ts'

/** For each key of either side: all values of the left, all values of the right. */
export type Grouped<K, V, W> = Pair<K, Pair<readonly V[], readonly W[]>>

/** Keys come in the order they were first met, the left side's before the right's. */
export function cogroup<K extends Key, V, W>(
  left: PlanNode<Pair<K, V>>,
  right: PlanNode<Pair<K, W>>,
  place: Place,
  partitions?: number,
): PlanNode<Grouped<K, V, W>> {
  const wanted = commonPartitions(left, right, place, partitions)
  const lefts = combineByKey(left, place, grouper<V>(), wanted)
  const rights = combineByKey(right, place, grouper<W>(), wanted)
  return new PlanNode<Grouped<K, V, W>>({
    scope: left.scope,
    place,
    parents: [lefts, rights],
    layout: lefts.layout,
    open: async (partition) => {
      const both = new Map<MapKey, readonly [K, [readonly V[], readonly W[]]]>()
      await drain(lefts, partition, [], (chunk: Chunk<Pair<K, V[]>>) => {
        for (const [key, values] of eachRow([chunk])) both.set(mapKey(key), [key, [values, []]])
      })
      await drain(rights, partition, [], (chunk: Chunk<Pair<K, W[]>>) => {
        for (const [key, values] of eachRow([chunk])) {
          const id = mapKey(key)
          const entry = both.get(id)
          if (entry === undefined) both.set(id, [key, [[], values]])
          else entry[1][1] = values
        }
      })
      return chunksOf([...both.values()])
    },
  })
}

/** The number asked for, else that of a side that is cut by key already, else the default. */
function commonPartitions(
  left: PlanNode<unknown>,
  right: PlanNode<unknown>,
  place: Place,
  partitions: number | undefined,
): number {
  if (partitions !== undefined) return checkPartitions(partitions, place)
  const hashed = [left, right].filter((node) => node.layout.hashed)
  if (hashed.length === 0) return left.scope.partitions
  return Math.max(...hashed.map((node) => node.layout.partitions))
}

/** Each key with the rows made of its values on both sides; the missing value is `null`. */
function joinBy<K extends Key, V, W, R>(
  grouped: PlanNode<Grouped<K, V, W>>,
  place: Place,
  rows: (values: readonly V[], others: readonly W[]) => Iterable<R>,
): PlanNode<Pair<K, R>> {
  return flatMapRows(
    grouped,
    place,
    function* ([key, [values, others]]): Generator<Pair<K, R>, void, undefined> {
      for (const row of rows(values, others)) yield [key, row]
    },
    'repeated',
  )
}

function* product<V, W>(values: readonly V[], others: readonly W[]): Generator<Pair<V, W>> {
  for (const value of values) for (const other of others) yield [value, other]
}

const orNull = <V>(values: readonly V[]): readonly (V | null)[] =>
  values.length === 0 ? [null] : values

export function innerJoin<K extends Key, V, W>(
  grouped: PlanNode<Grouped<K, V, W>>,
  place: Place,
): PlanNode<Pair<K, Pair<V, W>>> {
  return joinBy(grouped, place, (values, others) => product(values, others))
}

export function leftJoin<K extends Key, V, W>(
  grouped: PlanNode<Grouped<K, V, W>>,
  place: Place,
): PlanNode<Pair<K, Pair<V, W | null>>> {
  return joinBy(grouped, place, (values, others) => product(values, orNull(others)))
}

export function rightJoin<K extends Key, V, W>(
  grouped: PlanNode<Grouped<K, V, W>>,
  place: Place,
): PlanNode<Pair<K, Pair<V | null, W>>> {
  return joinBy(grouped, place, (values, others) => product(orNull(values), others))
}

export function fullJoin<K extends Key, V, W>(
  grouped: PlanNode<Grouped<K, V, W>>,
  place: Place,
): PlanNode<Pair<K, Pair<V | null, W | null>>> {
  return joinBy(grouped, place, (values, others) => product(orNull(values), orNull(others)))
}
