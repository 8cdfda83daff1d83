/** Narrow operators on pairs, and those that need each row to be a key. */
import type { Key, Pair } from '../base/keys.ts'
import { combineByKey } from './combine.ts'
import { flatMapRows, mapRows } from './narrow.ts'
import { pairOf } from './pair.ts'
import { refusePromise } from './place.ts'
import type { PlanNode } from './plan.ts'
import type { Place } from './runtime.ts'

export function keysOf<K extends Key, V>(parent: PlanNode<Pair<K, V>>, place: Place): PlanNode<K> {
  return mapRows(parent, place, (row) => pairOf(row, place)[0])
}

export function valuesOf<K extends Key, V>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
): PlanNode<V> {
  return mapRows(parent, place, (row) => pairOf(row, place)[1])
}

export function mapValues<K extends Key, V, W>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
  f: (value: V) => W,
): PlanNode<Pair<K, W>> {
  const onValue = (row: Pair<K, V>): Pair<K, W> => {
    const [key, value] = pairOf(row, place)
    const made = f(value)
    refusePromise(place, made)
    return [key, made]
  }
  return mapRows(parent, place, onValue, 'kept')
}

export function flatMapValues<K extends Key, V, W>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
  f: (value: V) => Iterable<W>,
): PlanNode<Pair<K, W>> {
  const onValue = function* (row: Pair<K, V>): Generator<Pair<K, W>, void, undefined> {
    const [key, value] = pairOf(row, place)
    const several = f(value)
    refusePromise(place, several)
    for (const made of several) yield [key, made]
  }
  return flatMapRows(parent, place, onValue, 'repeated')
}

/** Each row once, in the order of first sight inside a partition. */
export function distinctRows<K extends Key>(
  parent: PlanNode<K>,
  place: Place,
  partitions?: number,
): PlanNode<K> {
  const seen = mapRows<K, Pair<K, null>>(parent, place, (row) => [row, null])
  const first = { create: () => null, mergeValue: () => null, mergeCombiners: () => null }
  return keysOf(combineByKey(seen, place, first, partitions), place)
}

/** Each row with the number of times it is there. */
export function countByValue<K extends Key>(
  parent: PlanNode<K>,
  place: Place,
  partitions?: number,
): PlanNode<Pair<K, number>> {
  const ones = mapRows<K, Pair<K, null>>(parent, place, (row) => [row, null])
  const counter = {
    create: () => 1,
    mergeValue: (n: number) => n + 1,
    mergeCombiners: (a: number, b: number) => a + b,
  }
  return combineByKey(ones, place, counter, partitions)
}
