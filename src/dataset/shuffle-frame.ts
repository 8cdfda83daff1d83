/**
 * What one process sends another in a shuffle or an action: one frame with the rows of every
 * (source partition, target partition) for it.
 *
 *   frame    := version=1:u8 | kind:u8 | varint sections | section* | payload
 *   section  := varint source | varint target | varint rows          (none with 0 rows)
 *   payload  := v8.serialize of all rows of all sections, one after the other:
 *     kind 0 (rows)            an array of the rows
 *     kind 1 (pairs)           [array of keys, array of values]
 *     kind 2 (number pairs)    [array of keys, Float64Array of values]
 *     kind 3 (empty)           nothing
 *
 * Columns are five times as fast as an array of pairs, because no object a pair is made on the way;
 * who has columns and wants columns (`encodePairs`, `decodePairs`) never makes one.
 * Decoding throws `MR_PROTOCOL` on bytes that no encoder wrote.
 */
import { deserialize, serialize } from 'node:v8'
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'
import { isPair } from './pair.ts'

export interface Route {
  /** Partition the rows come from. */
  readonly source: number
  /** Partition they go to. */
  readonly target: number
}

export interface Section<R> extends Route {
  readonly rows: readonly R[]
}

/** A section of pairs: `values[i]` belongs to `keys[i]`. */
export interface PairSection<K, V> extends Route {
  readonly keys: readonly K[]
  readonly values: readonly V[]
}

const VERSION = 1
const KIND = { rows: 0, pairs: 1, numberPairs: 2, empty: 3 } as const

interface Head extends Route {
  readonly count: number
}

/** Throws what `v8.serialize` throws for rows that are not data (functions, symbols). */
export function encodeFrame(sections: readonly Section<unknown>[]): Uint8Array {
  const pairs = pairSections(sections)
  if (pairs !== undefined) return encodePairs(pairs)
  const filled = sections.filter(({ rows }) => rows.length > 0)
  const heads = filled.map(({ source, target, rows }) => ({ source, target, count: rows.length }))
  return frameOf(KIND.rows, heads, serialize(filled.flatMap(({ rows }) => rows)))
}

/** The same for pairs. */
export function encodePairs(sections: readonly PairSection<unknown, unknown>[]): Uint8Array {
  const keys: unknown[] = []
  const values: unknown[] = []
  const heads: Head[] = []
  for (const { source, target, keys: some, values: theirs } of sections) {
    if (some.length === 0) continue
    for (const key of some) keys.push(key)
    for (const value of theirs) values.push(value)
    heads.push({ source, target, count: some.length })
  }
  if (heads.length === 0) return frameOf(KIND.empty, heads, new Uint8Array(0))
  if (isNumbers(values)) {
    return frameOf(KIND.numberPairs, heads, serialize([keys, Float64Array.from(values)]))
  }
  return frameOf(KIND.pairs, heads, serialize([keys, values]))
}

/** Sections in the order they were written. */
export function decodeFrame<R>(frame: Uint8Array): readonly Section<R>[] {
  return orDamaged(() => {
    const { kind, heads, reader } = open(frame)
    if (kind === KIND.rows) return cutRows(heads, payloadOf(reader))
    return cutPairs(kind, heads, reader).map(({ source, target, keys, values }) => {
      return { source, target, rows: keys.map((key, i) => [key, values[i]]) }
    })
  }) as readonly Section<R>[]
}

/** Sections that `encodePairs` wrote, in the order they were written. */
export function decodePairs<K, V>(frame: Uint8Array): readonly PairSection<K, V>[] {
  return orDamaged(() => {
    const { kind, heads, reader } = open(frame)
    return cutPairs(kind, heads, reader)
  }) as readonly PairSection<K, V>[]
}

function orDamaged<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', 'a frame of rows from another process is damaged', {
      cause: error,
    })
  }
}

function frameOf(kind: number, heads: readonly Head[], payload: Uint8Array): Uint8Array {
  const head = new ByteWriter(16 + heads.length * 6).u8(VERSION).u8(kind).varint(heads.length)
  for (const { source, target, count } of heads) head.varint(source).varint(target).varint(count)
  return Buffer.concat([head.view(), payload])
}

/** The sections as pairs; undefined when a row is none. */
function pairSections(
  sections: readonly Section<unknown>[],
): PairSection<unknown, unknown>[] | undefined {
  const pairs: PairSection<unknown, unknown>[] = []
  for (const { source, target, rows } of sections) {
    const keys: unknown[] = []
    const values: unknown[] = []
    for (const row of rows) {
      if (!isPair(row)) return undefined
      keys.push(row[0])
      values.push(row[1])
    }
    pairs.push({ source, target, keys, values })
  }
  return pairs
}

const isNumbers = (values: readonly unknown[]): values is readonly number[] =>
  values.every((value) => typeof value === 'number')

function open(frame: Uint8Array): {
  readonly kind: number
  readonly heads: readonly Head[]
  readonly reader: ByteReader
} {
  const reader = new ByteReader(frame)
  if (reader.u8() !== VERSION) throw new RangeError('unknown version')
  const kind = reader.u8()
  const heads: Head[] = []
  const sections = reader.varint()
  for (let i = 0; i < sections; i++) {
    heads.push({ source: reader.varint(), target: reader.varint(), count: reader.varint() })
  }
  return { kind, heads, reader }
}

function payloadOf(reader: ByteReader): readonly unknown[] {
  const payload: unknown = deserialize(reader.raw(reader.remaining))
  if (!Array.isArray(payload)) throw new RangeError('the payload is no array')
  return payload
}

function cutRows(heads: readonly Head[], rows: readonly unknown[]): readonly Section<unknown>[] {
  checkTotal(heads, rows)
  let at = 0
  return heads.map(({ source, target, count }) => {
    at += count
    return { source, target, rows: rows.slice(at - count, at) }
  })
}

function cutPairs(
  kind: number,
  heads: readonly Head[],
  reader: ByteReader,
): readonly PairSection<unknown, unknown>[] {
  if (kind === KIND.empty) {
    if (reader.remaining !== 0 || heads.length > 0) throw new RangeError('rows in an empty frame')
    return []
  }
  if (kind !== KIND.pairs && kind !== KIND.numberPairs) throw new RangeError('unknown kind')
  const [keys, packed] = payloadOf(reader)
  if (!Array.isArray(keys)) throw new RangeError('the keys are no array')
  const column = kind === KIND.pairs ? packed : numbersOf(packed)
  if (!Array.isArray(column)) throw new RangeError('the values are no array')
  const values: readonly unknown[] = column
  if (keys.length !== values.length) throw new RangeError('keys without values')
  checkTotal(heads, keys)
  let at = 0
  return heads.map(({ source, target, count }) => {
    at += count
    const from = at - count
    return { source, target, keys: keys.slice(from, at), values: values.slice(from, at) }
  })
}

function numbersOf(values: unknown): unknown {
  return values instanceof Float64Array ? Array.from(values) : undefined
}

function checkTotal(heads: readonly Head[], rows: readonly unknown[]): void {
  const total = heads.reduce((sum, { count }) => sum + count, 0)
  if (rows.length !== total) throw new RangeError('sections and rows disagree')
}
