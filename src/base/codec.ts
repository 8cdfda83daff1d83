/**
 * How values of state become bytes and come back. A stored value is `varint codec version | bytes`,
 * so that a codec may change: `decode` is handed the version a value was written under and must
 * know every version that is still stored. The two codecs here share one numbering and each decodes
 * the values of both, so a program may change from one to the other.
 *
 * What `decode` returns never shares memory with the bytes it was given: they are views into tables
 * that change.
 */
import { deserialize, serialize } from 'node:v8'
import { ByteReader, ByteWriter, utf8, utf8Text } from './bytes.ts'
import { MillraceError } from './errors.ts'

export interface Codec<S> {
  /** A safe integer ≥ 0; raise it when the bytes `encode` makes change their meaning. */
  readonly version: number
  encode(value: S): Uint8Array
  /** Must not keep `bytes`. Throws on bytes it cannot read. */
  decode(bytes: Uint8Array, version: number): S
}

/** A number is never given to other bytes: stored values carry it. */
const VERSION = { structured: 1, json: 2 } as const

/**
 * JSON: readable and portable; keeps what `JSON.stringify` keeps. Throws a TypeError for a value
 * JSON has no text for. Reads what `structured` wrote, too.
 */
export function json<S>(): Codec<S> {
  return {
    version: VERSION.json,
    encode(value) {
      const text: unknown = JSON.stringify(value)
      if (typeof text !== 'string') throw new TypeError(`JSON cannot hold a ${typeof value}`)
      return utf8(text)
    },
    decode: (bytes, version) => decodeEither(bytes, version, 'json') as S,
  }
}

const TAG = { structured: 0, number: 1, text: 2 } as const

/**
 * The default: whatever structured clone keeps (Map, Set, Date, BigInt, cycles …), with short forms
 * for the two commonest values. Reads what `json` wrote, too.
 *
 *   value := 0x00 v8.serialize | 0x01 float64 little-endian | 0x02 UTF-8
 */
export function structured<S>(): Codec<S> {
  return {
    version: VERSION.structured,
    encode: encodeStructured,
    decode: (bytes, version) => decodeEither(bytes, version, 'structured') as S,
  }
}

function encodeStructured(value: unknown): Uint8Array {
  if (typeof value === 'number') return encodeNumber(value)
  if (typeof value === 'string' && value.isWellFormed()) {
    const text = utf8(value)
    return new ByteWriter(1 + text.length).u8(TAG.text).raw(text).view()
  }
  const bytes = serialize(value)
  return new ByteWriter(1 + bytes.length).u8(TAG.structured).raw(bytes).view()
}

const scratch = new Uint8Array(8)
const scratchView = new DataView(scratch.buffer)

/** Counts and sums are what most states hold: no writer, no reader is made for them. */
function encodeNumber(value: number): Uint8Array {
  const bytes = new Uint8Array(9)
  scratchView.setFloat64(0, value, true)
  bytes[0] = TAG.number
  bytes.set(scratch, 1)
  return bytes
}

function decodeNumber(bytes: Uint8Array): number {
  for (let i = 0; i < 8; i++) scratch[i] = bytes[i + 1] ?? 0
  return scratchView.getFloat64(0, true)
}

function decodeStructured(bytes: Uint8Array): unknown {
  if (bytes[0] === TAG.number && bytes.length === 9) return decodeNumber(bytes)
  const reader = new ByteReader(bytes)
  const tag = reader.u8()
  switch (tag) {
    case TAG.number:
      return reader.f64()
    case TAG.text:
      return utf8Text(reader.raw(reader.remaining))
    case TAG.structured:
      // Typed arrays that `deserialize` returns lie in the buffer it was given: a copy keeps the
      // table out of reach.
      return deserialize(new Uint8Array(reader.raw(reader.remaining)))
    default:
      throw new RangeError(`no structured value begins with ${String(tag)}`)
  }
}

/** Throws `MR_STATE_DAMAGED` for a version that is neither's. */
function decodeEither(bytes: Uint8Array, version: number, reader: keyof typeof VERSION): unknown {
  switch (version) {
    case VERSION.structured:
      return decodeStructured(bytes)
    case VERSION.json:
      return JSON.parse(utf8Text(bytes))
    default:
      throw new MillraceError(
        'MR_STATE_DAMAGED',
        `a value of state was written under codec version ${String(version)}, and the ${reader} ` +
          `codec reads versions ${String(VERSION.structured)} (structured) and ` +
          `${String(VERSION.json)} (json) alone`,
        { details: { version } },
      )
  }
}

/** The bytes of a value as stored. */
export function encodeValue<S>(codec: Codec<S>, value: S): Uint8Array {
  const bytes: unknown = codec.encode(value)
  if (!(bytes instanceof Uint8Array)) {
    const made = Array.isArray(bytes) ? 'an array' : `a ${typeof bytes}`
    throw new TypeError(`the codec's encode returned ${made}: it must return a Uint8Array`)
  }
  if (codec.version < 0x80) {
    const stored = new Uint8Array(bytes.length + 1)
    stored[0] = codec.version
    stored.set(bytes, 1)
    return stored
  }
  return new ByteWriter(bytes.length + 2).varint(codec.version).raw(bytes).view()
}

/**
 * The value of stored bytes. Throws what the codec throws (those here `MR_STATE_DAMAGED` for an
 * unknown version), and a RangeError where there is no version.
 */
export function decodeValue<S>(codec: Codec<S>, stored: Uint8Array): S {
  const first = stored[0] ?? 0x80
  if (first < 0x80) return codec.decode(stored.subarray(1), first)
  const reader = new ByteReader(stored)
  const version = reader.varint()
  return codec.decode(reader.raw(reader.remaining), version)
}
