/**
 * Combining by key: inside each source partition before the shuffle, then in the target partition
 * over the source partitions in order. A key's values are therefore always met in the same order,
 * whatever the number of processes. The same code groups (the combiner is an array), reduces,
 * counts and removes repeats.
 */
import { hashKey, mapKey, partitionOf, type Key, type MapKey, type Pair } from '../base/keys.ts'
import type { Chunk } from './chunk.ts'
import { exchangePairs, type ReceivedPairs } from './exchange.ts'
import { mapRows, narrow } from './narrow.ts'
import { checkPartitions, pairOf } from './pair.ts'
import { blame } from './place.ts'
import { drain, PlanNode, spread } from './plan.ts'
import type { Place } from './runtime.ts'
import type { PairSection } from './shuffle-frame.ts'
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
  let received: ReceivedPairs<K, C> = new Map()
  const merged = new Map<number, readonly Pair<K, C>[]>()
  const mergedRows = (sections: readonly PairSection<K, C>[]): readonly Pair<K, C>[] => {
    const [first, ...others] = sections
    if (first === undefined) return []
    if (others.length === 0) return rowsOfPairs(first)
    const table = new CombineTable<K, V, C>(combiner, place)
    for (const section of sections) table.merge(section)
    return table.rows()
  }
  return new PlanNode<Pair<K, C>>({
    scope,
    place,
    parents: [parent],
    layout,
    gather: async () => {
      const sections: PairSection<K, C>[] = []
      for (const source of parent.own) {
        const table = new CombineTable<K, V, C>(combiner, place)
        await drain(parent, source, [place], (chunk) => {
          for (const rows of rowsOf([chunk])) table.add(rows)
        })
        sections.push(...table.sections(source, partitions))
      }
      received = await exchangePairs(scope, place, layout, sections)
    },
    open: (partition) => {
      // Merging may change what was received: it is done once.
      const rows = merged.get(partition) ?? mergedRows(received.get(partition) ?? [])
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

  /** Takes what another table made of later source partitions. */
  merge({ keys, values }: PairSection<K, C>): void {
    const places = this.#places
    const combined = this.#combined
    try {
      keys.forEach((key, i) => {
        const id = mapKey(key)
        const at = places.get(id)
        const value = values[i] as C
        if (at === undefined) {
          places.set(id, combined.length)
          combined.push(value)
          this.#keys.push(key)
        } else combined[at] = this.#combiner.mergeCombiners(combined[at] as C, value)
      })
    } catch (error) {
      throw blame(this.#place, error)
    }
  }

  rows(): readonly Pair<K, C>[] {
    return rowsOfPairs({ keys: this.#keys, values: this.#combined })
  }

  /** What goes from a source partition to each target. */
  sections(source: number, partitions: number): PairSection<K, C>[] {
    const sections = Array.from({ length: partitions }, (_, target) => {
      return { source, target, keys: [] as K[], values: [] as C[] }
    })
    this.#keys.forEach((key, i) => {
      const section = sections[partitionOf(hashKey(key), partitions)]
      section?.keys.push(key)
      section?.values.push(this.#combined[i] as C)
    })
    return sections
  }
}

function rowsOfPairs<K, C>(
  pairs: Pick<PairSection<K, C>, 'keys' | 'values'>,
): readonly Pair<K, C>[] {
  return pairs.keys.map((key, i) => [key, pairs.values[i] as C])
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
