/**
 * The bodies of `transform` and `transformWith` that vectors name: pure functions of datasets and
 * batch time.
 */
import type { Key, Pair } from '../../src/base/keys.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import type { Json } from '../../src/dstream/shape.ts'
import { predicate, unary, UnknownFunction } from './functions.ts'
import { isObject, objectOf, textOf } from './vector.ts'

type Rows = Dataset<Json>
type One = (dataset: Rows, time: number) => Rows
type Many = (datasets: readonly Rows[]) => Rows

// As in pipeline.ts: the vectors say what holds pairs or keys.
const pairs = (dataset: Rows): Dataset<Pair<Key, Json>> =>
  dataset as Dataset<unknown> as Dataset<Pair<Key, Json>>
const keys = (dataset: Rows): Dataset<Key> => dataset as Dataset<unknown> as Dataset<Key>
const rows = (dataset: Dataset<unknown>): Rows => dataset as Rows

/** What a program without types may return: an error at once, not later. */
const nothing = (): Rows => null as unknown as Rows

export function oneTransform(descriptor: Json | undefined): One {
  if (descriptor === 'returnNull') return nothing
  if (descriptor === 'sortByKey') return (dataset) => rows(pairs(dataset).sortByKey())
  if (!isObject(descriptor)) throw new UnknownFunction(`transform ${JSON.stringify(descriptor)}`)
  const { op, fn } = objectOf(descriptor, 'transform')
  switch (textOf(op, 'transform')) {
    case 'map': {
      const f = unary(fn)
      return (dataset) => dataset.map(f)
    }
    case 'filter': {
      const f = predicate(fn)
      return (dataset) => dataset.filter(f)
    }
    case 'distinct':
      return (dataset) => rows(keys(dataset).distinct())
    case 'batchTime':
      return (dataset, time) => dataset.map((x): Json => [time, x])
    default:
      throw new UnknownFunction(`transform ${JSON.stringify(op)}`)
  }
}

const union: Many = (datasets) => datasets.reduce((all, next) => all.union(next))

function two(datasets: readonly Rows[], f: (a: Rows, b: Rows) => Rows): Rows {
  const [a, b] = datasets
  if (a === undefined || b === undefined) throw new UnknownFunction('a transform of one dataset')
  return f(a, b)
}

const join = (a: Rows, b: Rows): Rows => rows(pairs(a).join(pairs(b)))

const MANY: Readonly<Record<string, Many>> = {
  union,
  unionAll: union,
  join: (datasets) => two(datasets, join),
  /** (first ∪ second) as pairs (i, i), joined with the third. */
  union12SelfPairJoin3: (datasets) =>
    two(datasets, (first, second) => {
      const selfPairs = first.union(second).map((x): Json => [x, x])
      return two([selfPairs, ...datasets.slice(2)], join)
    }),
}

export function manyTransform(descriptor: Json | undefined): Many {
  const name = textOf(descriptor, 'transform')
  const found = Object.hasOwn(MANY, name) ? MANY[name] : undefined
  if (found === undefined) throw new UnknownFunction(`transform '${name}'`)
  return found
}
