/** What a program hands an operator beside functions: refused where it is written, not later. */
import type { Codec } from '../base/codec.ts'
import { nearest } from '../base/suggest.ts'
import { callPlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import { invalid } from './graph-builder.ts'

/** Names of the options of each operator that has any. */
const OPTIONS = {
  defineApp: ['name', 'batchInterval', 'params'],
  socketTextStream: ['uid'],
  httpStream: ['uid', 'port', 'host', 'path'],
  generatorStream: ['uid', 'linesPerSecond', 'lines', 'seed'],
  receiverStream: ['uid'],
  sequenceStream: ['uid', 'partitions', 'batches'],
  resource: ['uid', 'open', 'close'],
  updateStateByKey: ['uid', 'codec', 'initial', 'partitions', 'idle'],
  print: ['uid'],
  saveAsTextFiles: ['uid'],
  foreachRDD: ['uid'],
  foreachPartition: ['uid'],
} as const

/** Throws `MR_GRAPH_INVALID` for what is no object, and for a name that is no option. */
export function checkOptions<O extends object>(
  operator: keyof typeof OPTIONS,
  options: O,
  place: Place = callPlace(operator),
): O {
  // A program in JavaScript may hand over anything.
  const given: unknown = options
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(place, `the options must be an object, not ${shown(given)}`)
  }
  const known: readonly string[] = OPTIONS[operator]
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    const right = near === undefined ? `there is ${known.join(', ')}` : `did you mean '${near}'?`
    throw invalid(place, `'${name}' is no option of ${operator}; ${right}`)
  }
  return options
}

export function checkIdle(idle: unknown, place: Place): 'call' | 'skip' {
  if (idle === undefined) return 'call'
  if (idle === 'call' || idle === 'skip') return idle
  throw invalid(place, `idle is 'call' or 'skip', not ${shown(idle)}`)
}

export function checkCodec<S>(codec: Codec<S>, place: Place): Codec<S> {
  const given: unknown = codec
  if (typeof given !== 'object' || given === null) {
    throw invalid(place, `the codec must be an object, not ${shown(given)}`)
  }
  const { version, encode, decode } = members(given)
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 0) {
    throw invalid(place, `the codec's version must be a whole number from 0, not ${shown(version)}`)
  }
  if (typeof encode !== 'function' || typeof decode !== 'function') {
    throw invalid(place, 'a codec needs the functions encode and decode')
  }
  return codec
}

/** Also those of its class. */
const members = (codec: object): Readonly<Record<'version' | 'encode' | 'decode', unknown>> => ({
  version: Reflect.get(codec, 'version'),
  encode: Reflect.get(codec, 'encode'),
  decode: Reflect.get(codec, 'decode'),
})

/** The names of text files go into paths: a suffix holds no "/" and both are texts. */
export function checkTextFiles(prefix: unknown, suffix: unknown, place: Place): void {
  if (typeof prefix !== 'string') {
    throw invalid(place, `the prefix must be a text, not ${shown(prefix)}`)
  }
  if (typeof suffix !== 'string' || suffix.includes('/')) {
    throw invalid(place, `the suffix must be a text without "/", not ${shown(suffix)}`)
  }
  if (`${prefix}${suffix}`.includes('\u0000')) {
    throw invalid(place, 'no file name holds a zero character')
  }
}

const shown = (value: unknown): string => {
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value)
  const text: unknown = JSON.stringify(value)
  return typeof text === 'string' ? text.slice(0, 100) : 'undefined'
}
