/**
 * A graph's shape between processes: one canonical text (keys sorted), its digest, its check on the
 * driver's side, and the first difference of two shapes for people. Pure.
 */
import { createHash } from 'node:crypto'
import { MillraceError, messageOf } from '../base/errors.ts'
import { describePlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import type { GraphShape, Json } from '../dstream/shape.ts'
import { type Check, count, flag, list, literal, maybe, record, table, text } from './checks.ts'

/** The same text for equal shapes, whatever order their properties were set in. */
export function shapeText(shape: GraphShape): string {
  return JSON.stringify(shape, (_key, value: unknown) => sorted(value))
}

export const digestOf = (shapeInText: string): string =>
  createHash('sha256').update(shapeInText).digest('hex')

/** Throws `MR_PROTOCOL` on a text that is no shape. */
export function decodeShapeText(shapeInText: string): GraphShape {
  let value: unknown
  try {
    value = JSON.parse(shapeInText)
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', `a shape that is no JSON: ${messageOf(error)}`, {
      cause: error,
    })
  }
  return graphShape(value, 'shape')
}

/**
 * `map at app.ts:2:3 here, filter at app.ts:3:3 there` for the first operator that differs, in the
 * order in which the program made them, else the path of what differs; undefined when nothing does.
 */
export function firstDifference(here: GraphShape, there: GraphShape): string | undefined {
  const length = Math.max(here.nodes.length, there.nodes.length)
  for (let i = 0; i < length; i++) {
    const [mine, other] = [here.nodes[i], there.nodes[i]].map(operatorAt)
    if (mine !== other) return `${mine ?? 'nothing'} here, ${other ?? 'nothing'} there`
  }
  return differ(JSON.parse(shapeText(here)), JSON.parse(shapeText(there)), '')
}

const operatorAt = (node: GraphShape['nodes'][number] | undefined): string | undefined =>
  node && describePlace(node.place)

function differ(here: unknown, there: unknown, path: string): string | undefined {
  if (!isObject(here) || !isObject(there) || Array.isArray(here) !== Array.isArray(there)) {
    if (here === there) return undefined
    return `${path}: ${show(here)} here, ${show(there)} there`
  }
  for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
    const step = Array.isArray(here) ? `[${key}]` : path === '' ? key : `.${key}`
    const found = differ(here[key], there[key], path + step)
    if (found !== undefined) return found
  }
  return undefined
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const json = JSON.stringify(value)
  return json.length > 120 ? `${json.slice(0, 117)}...` : json
}

function sorted(value: unknown): unknown {
  if (!isObject(value) || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

const rawPlace = record({ operator: text, location: maybe(text) })

export const place: Check<Place> = (value, path) => {
  const { operator, location } = rawPlace(value, path)
  return location === undefined ? { operator } : { operator, location }
}

const json: Check<Json> = (value, path) => {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value
  if (typeof value === 'string') return value
  return Array.isArray(value) ? list(json)(value, path) : table(json)(value, path)
}

const graphShape: Check<GraphShape> = record({
  application: text,
  batchMs: count,
  program: maybe(record({ code: text, params: text })),
  nodes: list(record({ id: count, kind: text, parents: list(count), slideMs: count, place })),
  inputs: list(
    record({
      streamId: count,
      uid: text,
      derived: flag,
      kind: literal('socketText', 'http', 'generator', 'receiver', 'queue', 'sequence'),
      parameters: table(json),
      node: count,
      place,
    }),
  ),
  outputs: list(
    record({
      outputId: count,
      uid: text,
      kind: literal('print', 'textFiles', 'foreachRDD', 'foreachPartition', 'rows'),
      parameters: table(json),
      node: count,
      place,
    }),
  ),
  states: list(
    record({
      uid: text,
      derived: flag,
      partitions: count,
      codecVersion: count,
      idle: literal('call', 'skip'),
      node: count,
      place,
    }),
  ),
})
