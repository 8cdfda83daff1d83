/**
 * What a program hands to an operator is looked at while the graph is built: a function, and one
 * that answers at once where its answer is a row. Pure.
 */
import { callPlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import { invalid } from './graph-builder.ts'

/** How each operator is called; for the message. */
const USAGE: Readonly<Record<string, string>> = {
  updateStateByKey: 'updateStateByKey(options, (values, before) => after)',
  transformWith: 'transformWith(other, (dataset, otherDataset) => dataset)',
  foreachRDD: 'foreachRDD((dataset, context) => …, options)',
  foreachPartition: 'foreachPartition(options, (rows, context) => …)',
  receiverStream: 'receiverStream(options, () => receiver)',
  combineByKey: 'combineByKey(create, mergeValue, mergeCombiners)',
  reduceByKey: 'reduceByKey((a, b) => …, partitions)',
}

/** Throws `MR_GRAPH_INVALID` for anything that is no function. */
export function requireFunction(place: Place, f: unknown): void {
  if (typeof f === 'function') return
  const usage = USAGE[place.operator] ?? `${place.operator}((row) => …)`
  const given = f === null ? 'null' : Array.isArray(f) ? 'an array' : typeof f
  const article = given === 'object' ? 'an object' : given
  throw invalid(place, `needs a function where it was given ${article}: write ${usage}`)
}

/** As above, and no `async` one: what it promises is no row. */
export function requireSynchronous(place: Place, f: unknown): void {
  requireFunction(place, f)
  if (Object.prototype.toString.call(f) !== '[object AsyncFunction]') return
  throw invalid(
    place,
    'its function is async, so it returns a promise: functions of operators are synchronous ' +
      '(await in foreachPartition, foreachRDD or a receiver)',
  )
}

/** The place of the operator that is being called with a synchronous function. */
export function placeWith(operator: string, f: unknown): Place {
  const place = callPlace(operator)
  requireSynchronous(place, f)
  return place
}
