/**
 * Combining by key: inside each source partition before the shuffle, then in the target partition
 * over the source partitions in order. A key's values are therefore always met in the same order,
 * whatever the number of processes. The same code groups (the combiner is an array), reduces,
 * counts and removes repeats.
 */
import { hashKey, mapKey, partitionOf, type Key, type MapKey, type Pair } from '../base/keys.ts'
import type { Chunk } from './chunk.ts'
import { exchangeSections, type Received } from './exchange.ts'
import { mapRows, narrow } from './narrow.ts'
import { checkPartitions, pairOf } from './pair.ts'
import { blame } from './place.ts'
import { drain, PlanNode, spread } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Section } from './shuffle-frame.ts'
import { chunksOf, rowsOf } from './text.ts'

export interface Combiner<V, C> {
  create(value: V): C
  /** May change `combined` and give it back. */
  mergeValue(combined: C, value: V): C
  /** `left` comes from earlier source partitions; it may be changed and given back. */
  mergeCombiners(left: C, right: C): C
}

/**
 * A node of one pair a key, cut by the keys' hash. No shuffle where the parent is cut that way
 * already, and no table where its keys do not repeat.
 */
export function combineByKey<K extends Key, V, C>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
  combiner: Combiner<V, C>,
  partitions?: number,
): PlanNode<Pair<K, C>> {
  const wanted = partitions === undefined ? undefined : checkPartitions(partitions, place)
  if (parent.layout.hashed && (wanted ?? parent.layout.partitions) === parent.layout.partitions) {
    if (parent.layout.unique) {
      return mapRows(parent, place, ([key, value]) => [key, combiner.create(value)], 'kept')
    }
    const combined = (chunks: Iterable<Chunk<Pair<K, V>>>): Iterable<Chunk<Pair<K, C>>> => {
      const table = new CombineTable<K, V, C>(combiner, place)
      for (const rows of rowsOf(chunks)) table.add(rows)
      return chunksOf(table.rows())
    }
    return narrow(parent, place, combined, 'combined')
  }
  return shuffled(parent, place, combiner, wanted ?? parent.scope.partitions)
}

function shuffled<K extends Key, V, C>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
  combiner: Combiner<V, C>,
  partitions: number,
): PlanNode<Pair<K, C>> {
  const { scope } = parent
  const layout = spread(scope, partitions, 'unique')
  let received: Received<Pair<K, C>> = new Map()
  const merged = new Map<number, readonly Pair<K, C>[]>()
  return new PlanNode<Pair<K, C>>({
    scope,
    place,
    parents: [parent],
    layout,
    gather: async () => {
      const sections: Section<Pair<K, C>>[] = []
      for (const source of parent.own) {
        const table = new CombineTable<K, V, C>(combiner, place)
        await drain(parent, source, [place], (chunk) => {
          for (const rows of rowsOf([chunk])) table.add(rows)
        })
        sections.push(...table.sections(source, partitions))
      }
      received = await exchangeSections(scope, place, layout, sections)
    },
    open: (partition) => {
      // Merging may change what was received: it is done once.
      const rows =
        merged.get(partition) ?? mergeLists(received.get(partition) ?? [], place, combiner)
      merged.set(partition, rows)
      return chunksOf(rows)
    },
  })
}

/** Keys in the order they were first met, each with its combined value. */
class CombineTable<K extends Key, V, C> {
  /** Where a key stands in the columns: they hold no object per key. */
  readonly #places = new Map<MapKey, number>()
  readonly #keys: K[] = []
  readonly #combined: C[] = []
  readonly #combiner: Combiner<V, C>
  readonly #place: Place

  constructor(combiner: Combiner<V, C>, place: Place) {
    this.#combiner = combiner
    this.#place = place
  }

  add(rows: readonly Pair<K, V>[]): void {
    const places = this.#places
    const combined = this.#combined
    const combiner = this.#combiner
    const place = this.#place
    try {
      for (const row of rows) {
        const pair = pairOf(row, place)
        const id = mapKey(pair[0])
        const at = places.get(id)
        if (at === undefined) {
          places.set(id, combined.length)
          combined.push(combiner.create(pair[1]))
          this.#keys.push(pair[0])
        } else combined[at] = combiner.mergeValue(combined[at] as C, pair[1])
      }
    } catch (error) {
      throw blame(place, error)
    }
  }

  rows(): readonly Pair<K, C>[] {
    return this.#keys.map((key, i) => [key, this.#combined[i] as C])
  }

  sections(source: number, partitions: number): Section<Pair<K, C>>[] {
    const buckets: Pair<K, C>[][] = Array.from({ length: partitions }, () => [])
    this.#keys.forEach((key, i) => {
      buckets[partitionOf(hashKey(key), partitions)]?.push([key, this.#combined[i] as C])
    })
    return buckets.map((rows, target) => ({ source, target, rows }))
  }
}

function mergeLists<K extends Key, C>(
  lists: readonly (readonly Pair<K, C>[])[],
  place: Place,
  combiner: Combiner<never, C>,
): readonly Pair<K, C>[] {
  const [first, ...others] = lists
  if (first === undefined) return []
  if (others.length === 0) return first
  const merged = new Map<MapKey, [key: K, combined: C]>()
  try {
    for (const rows of lists) {
      for (const [key, combined] of rows) {
        const id = mapKey(key)
        const entry = merged.get(id)
        if (entry === undefined) merged.set(id, [key, combined])
        else entry[1] = combiner.mergeCombiners(entry[1], combined)
      }
    }
  } catch (error) {
    throw blame(place, error)
  }
  return [...merged.values()]
}

/** A function of two values as a combiner. */
export function reducer<V>(f: (a: V, b: V) => V): Combiner<V, V> {
  return { create: (value) => value, mergeValue: f, mergeCombiners: f }
}

/** All values of a key, in order. */
export function grouper<V>(): Combiner<V, V[]> {
  return {
    create: (value) => [value],
    mergeValue: (values, value) => {
      values.push(value)
      return values
    },
    mergeCombiners: (left, right) => {
      for (const value of right) left.push(value)
      return left
    },
  }
}
