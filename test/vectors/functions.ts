/**
 * The vocabulary of functions that vectors name: `{ "fn": "plus", "n": 4 }` and the like. Elements
 * are JSON; a pair is an array of two, nothing is null.
 */
import type { Json } from '../../src/dstream/shape.ts'
import { listOf, numberOf, objectOf, textOf, type JsonObject } from './vector.ts'

export type Unary = (x: Json) => Json
export type Binary = (a: Json, b: Json) => Json
export type Predicate = (x: Json) => boolean
export type ManyOf = (x: Json) => readonly Json[]
export type OfPartition = (rows: Iterable<Json>) => readonly Json[]

/** A function that this vocabulary does not have: its vector is not ours yet. */
export class UnknownFunction extends Error {
  override readonly name = 'UnknownFunction'
}

/** What `throwOn` throws. */
export class ThrownOnPurpose extends Error {
  override readonly name = 'ThrownOnPurpose'
}

const num = (x: Json | undefined): number => numberOf(x, 'operand')
const str = (x: Json | undefined): string => textOf(x, 'operand')
const list = (x: Json | undefined): readonly Json[] => listOf(x, 'operand')
const letters = (x: Json | undefined): string[] => str(x).split('')
const swap = (pair: Json): Json => [list(pair)[1] ?? null, list(pair)[0] ?? null]

type Table<F> = Readonly<Record<string, (parameters: JsonObject) => F>>

const UNARY: Table<Unary> = {
  identity: () => (x) => x,
  toString: () => (x: Json) => (typeof x === 'string' ? x : String(num(x))),
  plus:
    ({ n }) =>
    (x) =>
      num(x) + num(n),
  pairWith:
    ({ value }) =>
    (x) => [x, value ?? null],
  length: () => (x) => str(x).length,
  pairWithLength: () => (x) => [x, str(x).length],
  upper: () => (x) => str(x).toUpperCase(),
  swap: () => swap,
  first: () => (pair) => list(pair)[0] ?? null,
  second: () => (pair) => list(pair)[1] ?? null,
  // Never -0: adding 0 makes it 0.
  modPair:
    ({ n }) =>
    (x) => [(num(x) % num(n)) + 0, x],
  pairSum: () => (pair) => num(list(pair)[0] ?? 0) + num(list(pair)[1] ?? 0),
  listSum: () => (xs) => list(xs).reduce<number>((sum, x) => sum + num(x), 0),
  listSize: () => (xs) => list(xs).length,
  throwOn: ({ value }) => {
    const bad = JSON.stringify(value)
    return (x) => {
      if (JSON.stringify(x) === bad) throw new ThrownOnPurpose(`thrown on ${bad}`)
      return x
    }
  },
}

const PREDICATES: Table<Predicate> = {
  isEven: () => (x) => num(x) % 2 === 0,
  contains:
    ({ s }) =>
    (x) =>
      str(x).includes(str(s)),
  keyContains:
    ({ s }) =>
    (pair) =>
      str(list(pair)[0]).includes(str(s)),
  valueNonZero: () => (pair) => list(pair)[1] !== 0,
}

const MANY: Table<ManyOf> = {
  selfAndDouble: () => (x) => [x, num(x) * 2],
  selfAndPlus:
    ({ n }) =>
    (x) => [x, num(x) + num(n)],
  chars: () => letters,
  lengthAndChars: () => (x) => letters(x).map((letter) => [str(x).length, letter]),
  valueAndKeyChars: () => (pair) =>
    letters(list(pair)[0]).map((letter) => [list(pair)[1] ?? null, letter]),
  suffixes:
    ({ list: suffixes }) =>
    (x) =>
      list(suffixes).map((suffix) => str(x) + str(suffix)),
}

const PARTITIONS: Table<OfPartition> = {
  partitionSum: () => (rows) => [[...rows].reduce<number>((sum, x) => sum + num(x), 0)],
  partitionConcatUpper: () => (rows) => [[...rows].map(str).join('').toUpperCase()],
  partitionSwap: () => (rows) => [...rows].map(swap),
}

const less = (a: Json, b: Json): boolean => (typeof a === 'string' ? a < str(b) : num(a) < num(b))

const BINARY: Table<Binary> = {
  add: () => (a, b) => (typeof a === 'string' ? a + str(b) : num(a) + num(b)),
  sub: () => (a, b) => num(a) - num(b),
  max: () => (a, b) => (less(a, b) ? b : a),
  min: () => (a, b) => (less(b, a) ? b : a),
}

function lookUp<F>(table: Table<F>, descriptor: Json | undefined): F {
  const parameters = objectOf(descriptor, 'fn')
  const name = textOf(parameters['fn'], 'fn')
  const make = Object.hasOwn(table, name) ? table[name] : undefined
  if (make === undefined) throw new UnknownFunction(`function '${name}'`)
  return make(parameters)
}

export const unary = (descriptor: Json | undefined): Unary => lookUp(UNARY, descriptor)
export const binary = (descriptor: Json | undefined): Binary => lookUp(BINARY, descriptor)
export const predicate = (descriptor: Json | undefined): Predicate => lookUp(PREDICATES, descriptor)
export const many = (descriptor: Json | undefined): ManyOf => lookUp(MANY, descriptor)
export const ofPartition = (descriptor: Json | undefined): OfPartition =>
  lookUp(PARTITIONS, descriptor)

export interface UpdateContext {
  readonly time: number
}

export type Update = (
  values: readonly Json[],
  previous: Json | undefined,
  context: UpdateContext,
) => Json | undefined

const sum = (values: readonly Json[]): number => values.reduce<number>((n, x) => n + num(x), 0)

const IDLE_BATCHES_MAX = 2

const UPDATES: Readonly<Record<string, Update>> = {
  sumPlusState: (values, previous) => sum(values) + num(previous ?? 0),
  countPlusState: (values, previous) => values.length + num(previous ?? 0),
  addBatchTimeWhenValues: (values, previous, { time }) =>
    (values.length > 0 ? time : 0) + num(previous ?? 0),
  maxWithState: (values, previous) => {
    const all = previous === undefined ? values : [...values, previous]
    return all.length === 0 ? undefined : all.reduce((a, b) => (less(a, b) ? b : a))
  },
  dropAfterTwoIdleBatches: (values, previous) => {
    const { counter, expire } = objectOf(previous ?? { counter: 0, expire: 0 }, 'state')
    if (values.length > 0) return { counter: num(counter) + sum(values), expire: 0 }
    const idle = num(expire) + 1
    return idle === IDLE_BATCHES_MAX ? undefined : { counter: num(counter), expire: idle }
  },
}

export function update(descriptor: Json | undefined): Update {
  const name = textOf(objectOf(descriptor, 'update')['fn'], 'update')
  const found = Object.hasOwn(UPDATES, name) ? UPDATES[name] : undefined
  if (found === undefined) throw new UnknownFunction(`state update '${name}'`)
  return found
}
