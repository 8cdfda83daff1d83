/**
 * Sorting by key. Every process samples the keys of its partitions, the samples meet in a
 * collective, and all find the same borders from them; rows then go to the partition of their range
 * and are sorted there. Keys have one order (that of their canonical bytes); rows with equal keys
 * keep the order they had.
 */
import { encodeKey, type Key, type Pair } from '../base/keys.ts'
import { exchangeSections } from './exchange.ts'
import { SORT_SAMPLE_KEYS } from './limits.ts'
import { checkPartitions, pairOf } from './pair.ts'
import { blame } from './place.ts'
import { drain, PlanNode, spread } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Section } from './shuffle-frame.ts'
import { chunksOf, rowsOf } from './text.ts'

/**
 * A row with its key's bytes as a string of characters 0 to 255, which compares as the bytes do.
 */
type Ordered<R> = readonly [order: string, row: R]

/** A sampled key, standing for `weight` rows. */
type Sample = readonly [order: string, weight: number]

export function sortByKey<K extends Key, V>(
  parent: PlanNode<Pair<K, V>>,
  place: Place,
  ascending: boolean,
  partitions?: number,
): PlanNode<Pair<K, V>> {
  const { scope } = parent
  const wanted = partitions ?? Math.max(1, parent.layout.partitions)
  const layout = spread(scope, checkPartitions(wanted, place))
  const sorted = new Map<number, readonly Pair<K, V>[]>()
  return new PlanNode<Pair<K, V>>({
    scope,
    place,
    parents: [parent],
    layout,
    gather: async () => {
      const sources = new Map<number, readonly Ordered<Pair<K, V>>[]>()
      for (const source of parent.own) sources.set(source, await orderedRows(parent, source, place))
      const borders = await findBorders(parent, place, sources, layout.partitions)
      const sections: Section<Ordered<Pair<K, V>>>[] = []
      for (const [source, rows] of sources) {
        sections.push(...cut(source, rows, borders, layout.partitions, ascending))
      }
      const received = await exchangeSections(scope, place, layout, sections)
      const sign = ascending ? 1 : -1
      for (const [partition, lists] of received) {
        const rows = lists.flat().sort((a, b) => sign * compare(a[0], b[0]))
        sorted.set(
          partition,
          rows.map(([, row]) => row),
        )
      }
    },
    open: (partition) => chunksOf(sorted.get(partition) ?? []),
  })
}

async function orderedRows<K extends Key, V>(
  parent: PlanNode<Pair<K, V>>,
  source: number,
  place: Place,
): Promise<readonly Ordered<Pair<K, V>>[]> {
  const ordered: Ordered<Pair<K, V>>[] = []
  await drain(parent, source, [place], (chunk) => {
    for (const rows of rowsOf([chunk])) {
      for (const row of rows) ordered.push([orderOf(pairOf(row, place)[0], place), row])
    }
  })
  return ordered
}

function orderOf(key: Key, place: Place): string {
  try {
    return Buffer.from(encodeKey(key)).toString('latin1')
  } catch (error) {
    throw blame(place, error)
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The first key of every range but the first. */
async function findBorders<R>(
  parent: PlanNode<R>,
  place: Place,
  sources: ReadonlyMap<number, readonly Ordered<unknown>[]>,
  partitions: number,
): Promise<readonly string[]> {
  const { scope } = parent
  if (partitions === 1) return []
  const everywhere = { ...spread(scope, scope.size), owner: (rank: number) => rank }
  const sections: Section<Sample>[] = []
  for (const [source, rows] of sources) {
    const samples = sample(rows)
    for (let rank = 0; rank < scope.size; rank++) {
      sections.push({ source, target: rank, rows: samples })
    }
  }
  const received = await exchangeSections(scope, place, everywhere, sections)
  const samples = (received.get(scope.rank) ?? []).flat().sort((a, b) => compare(a[0], b[0]))
  return quantiles(samples, partitions)
}

/** Keys at even distances: they depend on the partition's rows alone. */
function sample(rows: readonly Ordered<unknown>[]): readonly Sample[] {
  const step = Math.max(1, Math.ceil(rows.length / SORT_SAMPLE_KEYS))
  const samples: Sample[] = []
  rows.forEach(([order], i) => {
    if (i % step === 0) samples.push([order, Math.min(step, rows.length - i)])
  })
  return samples
}

function quantiles(samples: readonly Sample[], partitions: number): readonly string[] {
  const total = samples.reduce((sum, [, weight]) => sum + weight, 0)
  const borders: string[] = []
  let passed = 0
  for (const [order, weight] of samples) {
    passed += weight
    const enough = (total * (borders.length + 1)) / partitions
    if (passed > enough && borders.length < partitions - 1 && borders.at(-1) !== order) {
      borders.push(order)
    }
  }
  return borders
}

function cut<R>(
  source: number,
  rows: readonly Ordered<R>[],
  borders: readonly string[],
  partitions: number,
  ascending: boolean,
): Section<Ordered<R>>[] {
  const buckets: Ordered<R>[][] = Array.from({ length: partitions }, () => [])
  for (const row of rows) {
    const range = rangeOf(row[0], borders)
    buckets[ascending ? range : borders.length - range]?.push(row)
  }
  return buckets.map((list, target) => ({ source, target, rows: list }))
}

/** The number of borders that are not after `order`. */
function rangeOf(order: string, borders: readonly string[]): number {
  let low = 0
  let high = borders.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compare(borders[middle] ?? '', order) <= 0) low = middle + 1
    else high = middle
  }
  return low
}
