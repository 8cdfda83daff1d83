/**
 * Holds what came out against what a vector expects, by the rules of its schema: element order
 * where it is fixed, sets and multisets where it is not, lists inside an element by its shape.
 * `undefined` inside an element is the schema's null.
 */
import type { Json } from '../../src/dstream/shape.ts'
import { isList, listOf, VectorFormatError, type Vector } from './vector.ts'

/** What one batch put out; a batch without a dataset puts out nothing. */
export interface BatchRows {
  /** Batch time in ms. */
  readonly time: number
  readonly rows: readonly unknown[]
  /** Partitions of the dataset. */
  readonly partitions: number
}

/** JSON with sorted keys, so that equal values have equal text. */
export function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    const entries = Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(entries)
  })
}

type Normal = (element: unknown) => string

/** Text of an element in which lists, by `shape`, are sorted. */
function byShape(shape: Json | undefined): Normal {
  return (element) => canonical(sortLists(element, shape))
}

function sortLists(value: unknown, shape: Json | undefined): unknown {
  if (!isList(shape) || value === null || value === undefined) return value
  const [kind, a, b] = shape
  if (kind === 'opt') return sortLists(value, a)
  const items = itemsOf(value)
  if (kind === 'pair') return [sortLists(items[0], a), sortLists(items[1], b)]
  if (kind === 'list') {
    const inner = items.map((item) => canonical(sortLists(item, a)))
    return inner.sort()
  }
  throw new VectorFormatError(`unknown shape ${JSON.stringify(shape)}`)
}

const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

/** The values of pairs are lists whose order does not matter. */
const valuesAsSet: Normal = (element) => {
  const [key, values]: readonly unknown[] = itemsOf(element)
  return canonical([key, Array.isArray(values) ? values.map(canonical).sort() : values])
}

function comparer(vector: Vector): { normal: Normal; ordered: boolean } {
  const rule = vector.raw['compare'] ?? 'sequence'
  switch (rule) {
    case 'sequence':
      return { normal: canonical, ordered: true }
    case 'set':
    case 'set+partitionCount':
      return { normal: canonical, ordered: false }
    case 'set+valuesAsSet':
      return { normal: valuesAsSet, ordered: false }
    case 'multiset':
      return { normal: byShape(vector.raw['shape']), ordered: false }
    default:
      throw new VectorFormatError(`unknown way to compare: ${JSON.stringify(rule)}`)
  }
}

/** Differences in words; empty when all is as expected. */
export function differences(vector: Vector, actual: readonly BatchRows[]): string[] {
  const { normal, ordered } = comparer(vector)
  const found: string[] = []
  if (actual.length !== vector.expected.length) {
    const came = `${String(actual.length)} datasets came out`
    const at = actual.map((batch) => batch.time).join(', ')
    found.push(`${came} (at ${at}), expected ${String(vector.expected.length)}`)
  }
  const times = vector.raw['expectedTimes']
  for (const [index, batch] of actual.entries()) {
    const rows = vector.expected[index]
    if (rows === undefined) continue
    const where = `dataset ${String(index + 1)} (time ${String(batch.time)})`
    const time = isList(times) ? times[index] : undefined
    if (time !== undefined && time !== batch.time) {
      found.push(`${where}: expected at ${JSON.stringify(time)}`)
    }
    const want = listOf(rows, 'expected').map(normal)
    const got = batch.rows.map(normal)
    if (!ordered) [want, got].forEach((list) => list.sort())
    if (want.join('\n') !== got.join('\n')) {
      found.push(`${where}: got ${cut(got)}, expected ${cut(want)}`)
    }
    const partitions = vector.raw['expectedPartitions']
    if (typeof partitions === 'number' && partitions !== batch.partitions) {
      found.push(`${where}: ${String(batch.partitions)} partitions, expected ${String(partitions)}`)
    }
  }
  return found
}

const TEXT_MAX = 400

function cut(elements: readonly string[]): string {
  const text = `[${elements.join(', ')}]`
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}…` : text
}
