/**
 * A test vector: a fact about what a program computes, as data. `data/` holds vectors taken from
 * Apache Spark's own suites and from runs of real Spark; this file reads them and refuses what is
 * no vector.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Json } from '../../src/dstream/shape.ts'

export type JsonObject = { readonly [key: string]: Json }

export const KINDS = [
  'dataflow',
  'dataflow-error',
  'recovery',
  'function',
  'stateful-function',
  'property',
  'scenario',
] as const
export type VectorKind = (typeof KINDS)[number]

/** One source: an entry a batch; null where the source had no dataset. */
export type Batches = readonly (readonly Json[] | null)[]

export interface Vector {
  readonly id: string
  readonly kind: VectorKind
  readonly op: JsonObject
  /** Milliseconds; undefined where there is no batch. */
  readonly batchMs: number | undefined
  /** Sources 1, 2 and 3, as far as they are there. */
  readonly inputs: readonly Batches[]
  /** Arguments of a function vector. */
  readonly input: readonly Json[]
  readonly expected: readonly Json[]
  /** Everything else, as it was given. */
  readonly raw: JsonObject
}

/** A value that is not what a vector's schema says. */
export class VectorFormatError extends Error {
  override readonly name = 'VectorFormatError'
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

export function objectOf(value: Json | undefined, what: string): JsonObject {
  if (!isObject(value)) throw new VectorFormatError(`${what}: an object is needed`)
  return value
}

export function listOf(value: Json | undefined, what: string): readonly Json[] {
  if (!isList(value)) throw new VectorFormatError(`${what}: a list is needed`)
  return value
}

export function numberOf(value: Json | undefined, what: string): number {
  if (typeof value !== 'number') throw new VectorFormatError(`${what}: a number is needed`)
  return value
}

export function textOf(value: Json | undefined, what: string): string {
  if (typeof value !== 'string') throw new VectorFormatError(`${what}: a text is needed`)
  return value
}

/** A number where there is one; undefined where there is nothing or null. */
export function numberIn(value: JsonObject, name: string): number | undefined {
  const found = value[name] ?? undefined
  return found === undefined ? undefined : numberOf(found, name)
}

function kindOf(value: Json | undefined, id: string): VectorKind {
  const kind = KINDS.find((name) => name === value)
  if (kind === undefined)
    throw new VectorFormatError(`${id}: unknown kind ${JSON.stringify(value)}`)
  return kind
}

export function decodeVector(value: Json): Vector {
  const raw = objectOf(value, 'vector')
  const id = textOf(raw['id'], 'id')
  const kind = kindOf(raw['kind'], id)
  const input = listOf(raw['input'], `${id}: input`)
  const dataflow = kind === 'dataflow' || kind === 'dataflow-error' || kind === 'recovery'
  const sources = [raw['input'], raw['input2'], raw['input3']].filter((list) => list !== undefined)
  return {
    id,
    kind,
    op: objectOf(raw['op'], `${id}: op`),
    batchMs: numberIn(raw, 'batchMs'),
    inputs: dataflow ? sources.map((source) => batchesOf(source, id)) : [],
    input,
    expected: listOf(raw['expected'], `${id}: expected`),
    raw,
  }
}

function batchesOf(source: Json, id: string): Batches {
  return listOf(source, `${id}: input`).map((batch) =>
    batch === null ? null : listOf(batch, `${id}: a batch of input`),
  )
}

/** The vectors in the text of a JSON array. */
export function decodeVectors(text: string): readonly Vector[] {
  // What `JSON.parse` gives is JSON by definition.
  const value = JSON.parse(text) as Json
  return listOf(value, 'file').map((vector) => decodeVector(vector))
}

/**
 * All vectors of a file, or of every `.json` file under a directory, in the order of their names.
 */
export function readVectors(path: string): readonly Vector[] {
  if (!existsSync(path)) throw new VectorFormatError(`no such file or directory: ${path}`)
  if (!statSync(path).isDirectory()) return decodeVectors(readFileSync(path, 'utf8'))
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .sort()
    .flatMap((name) => readVectors(join(path, name)))
}
