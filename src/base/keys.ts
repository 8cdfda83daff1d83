/**
 * Keys and their one canonical encoding. Equality, order, hash and partition of keys all come from
 * these bytes: two keys are the same if and only if their bytes are.
 *
 *   key    := 0x01                   null
 *           | 0x02 | 0x03            false, true
 *           | 0x10 f64               number: big-endian, sign bit flipped (all bits if negative);
 *                                    -0 is 0, every NaN is the one NaN (after +Infinity)
 *           | 0x17 u32 magnitude     bigint below 0, length and bytes inverted
 *           | 0x19 u32 magnitude     bigint at or above 0
 *           | 0x20 escaped 0x00      string, UTF-8
 *           | 0x21 escaped 0x00      string with a lone surrogate: UTF-16 big-endian
 *           | 0x28 escaped 0x00      bytes
 *           | 0x30 key* 0x00         tuple
 *   escaped: 0x00 inside is written 0x00 0xFF
 *
 * So `1`, `1n` and `'1'` are three keys; keys sort by type in the order above, then by value
 * (numbers by size, strings by code point, tuples element by element).
 */
import { ByteReader, ByteWriter, utf8, utf8Text } from './bytes.ts'
import { MillraceError } from './errors.ts'

export type Key = string | number | bigint | boolean | null | Uint8Array | readonly Key[]
export type Pair<K, V> = readonly [key: K, value: V]

const TAG = {
  null: 0x01,
  false: 0x02,
  true: 0x03,
  number: 0x10,
  negative: 0x17,
  positive: 0x19,
  string: 0x20,
  utf16: 0x21,
  bytes: 0x28,
  tuple: 0x30,
} as const

/** Longest encoding of a key, in bytes. */
export const KEY_BYTES_MAX = 65_536
const KEY_DEPTH_MAX = 64

const scratch = new DataView(new ArrayBuffer(8))
const shared = new ByteWriter(256)

/**
 * The canonical bytes of a key (a fresh array). Throws `MR_KEY_INVALID` for anything that is no
 * key.
 */
export function encodeKey(key: Key): Uint8Array {
  shared.clear()
  write(shared, key, 0)
  if (shared.length > KEY_BYTES_MAX) {
    throw new MillraceError(
      'MR_KEY_INVALID',
      `a key of ${String(shared.length)} bytes: the limit is ${String(KEY_BYTES_MAX)}`,
    )
  }
  return shared.finish()
}

/** The key of canonical bytes. Throws a RangeError on bytes that no key encodes to. */
export function decodeKey(bytes: Uint8Array): Key {
  const reader = new ByteReader(bytes)
  const key = read(reader, reader.u8(), 0)
  if (reader.remaining !== 0) throw new RangeError('bytes after the key')
  return key
}

/** A 32-bit hash of the canonical bytes. */
export function hashBytes(bytes: Uint8Array): number {
  let h = 0x811c9dc5
  for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193)
  return mix(h)
}

/** `hashBytes(encodeKey(key))`, without the bytes where the key is a plain ASCII string. */
export function hashKey(key: Key): number {
  if (typeof key === 'string') {
    const n = key.length
    // Its tag and its end are two bytes; what may be too long is measured where it is encoded.
    if (n > KEY_BYTES_MAX - 2) return hashBytes(encodeKey(key))
    let h = Math.imul(0x811c9dc5 ^ TAG.string, 0x01000193)
    for (let i = 0; i < n; i++) {
      const code = key.charCodeAt(i)
      if (code === 0 || code > 0x7f) return hashBytes(encodeKey(key))
      h = Math.imul(h ^ code, 0x01000193)
    }
    return mix(Math.imul(h, 0x01000193))
  }
  return hashBytes(encodeKey(key))
}

function mix(hash: number): number {
  let h = hash
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** The partition of a hash: 0 ≤ result < partitions. */
export const partitionOf = (hash: number, partitions: number): number => hash % partitions

/** A key as something a JavaScript `Map` compares the way our bytes do. */
export type MapKey = string | number | bigint | boolean | null

/**
 * Primitives stand for themselves where JavaScript's own equality agrees (`Map` too takes -0 for 0
 * and NaN for NaN). Tuples and bytes become their canonical bytes as a string with a first
 * character that a real string is moved away from.
 */
export function mapKey(key: Key): MapKey {
  if (typeof key === 'string') return key.charCodeAt(0) === 0xffff ? `\uffff\u0001${key}` : key
  if (typeof key !== 'object' || key === null) return key
  return `\uffff\u0000${Buffer.from(encodeKey(key)).toString('latin1')}`
}

function write(w: ByteWriter, key: unknown, depth: number): void {
  switch (typeof key) {
    case 'string':
      return writeString(w, key)
    case 'number':
      return writeNumber(w, key)
    case 'bigint':
      return writeBigInt(w, key)
    case 'boolean':
      w.u8(key ? TAG.true : TAG.false)
      return
    case 'object':
      if (key === null) w.u8(TAG.null)
      else if (key instanceof Uint8Array) writeEscaped(w.u8(TAG.bytes), key)
      else if (Array.isArray(key)) writeTuple(w, key, depth)
      else refuse(key)
      return
    default:
      refuse(key)
  }
}

function refuse(key: unknown): never {
  const what = typeof key === 'object' ? (key?.constructor.name ?? 'object') : typeof key
  throw new MillraceError(
    'MR_KEY_INVALID',
    `${what} cannot be a key: use a string, number, bigint, boolean, null, Uint8Array ` +
      `or a tuple of these`,
  )
}

function writeTuple(w: ByteWriter, parts: readonly unknown[], depth: number): void {
  if (depth >= KEY_DEPTH_MAX)
    throw new MillraceError('MR_KEY_INVALID', 'tuple keys nested too deep')
  w.u8(TAG.tuple)
  for (const part of parts) write(w, part, depth + 1)
  w.u8(0)
}

function writeString(w: ByteWriter, text: string): void {
  if (text.length <= SHORT_TEXT && isPlain(text)) {
    w.u8(TAG.string).ascii(text).u8(0)
    return
  }
  if (text.isWellFormed()) return writeEscaped(w.u8(TAG.string), utf8(text))
  const bytes = Buffer.from(text, 'utf16le').swap16()
  writeEscaped(w.u8(TAG.utf16), bytes)
}

/** Longest text that is looked at character by character. */
const SHORT_TEXT = 64

/** ASCII without a zero: its bytes are its characters. */
function isPlain(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0 || code > 0x7f) return false
  }
  return true
}

function writeEscaped(w: ByteWriter, bytes: Uint8Array): void {
  let from = 0
  for (let zero = bytes.indexOf(0); zero >= 0; zero = bytes.indexOf(0, from)) {
    w.raw(bytes.subarray(from, zero + 1)).u8(0xff)
    from = zero + 1
  }
  w.raw(bytes.subarray(from)).u8(0)
}

function writeNumber(w: ByteWriter, n: number): void {
  scratch.setFloat64(0, n === 0 ? 0 : Number.isNaN(n) ? NaN : n)
  const high = scratch.getUint32(0)
  const low = scratch.getUint32(4)
  const negative = high >= 0x8000_0000 && !Number.isNaN(n)
  w.u8(TAG.number)
  writeU32be(w, negative ? ~high >>> 0 : (high | 0x8000_0000) >>> 0)
  writeU32be(w, negative ? ~low >>> 0 : low)
}

function writeU32be(w: ByteWriter, n: number): void {
  w.u8(n >>> 24)
    .u8((n >>> 16) & 0xff)
    .u8((n >>> 8) & 0xff)
    .u8(n & 0xff)
}

function writeBigInt(w: ByteWriter, n: bigint): void {
  const negative = n < 0n
  let hex = (negative ? -n : n).toString(16)
  if (hex.length % 2 === 1) hex = `0${hex}`
  const magnitude = n === 0n ? Buffer.alloc(0) : Buffer.from(hex, 'hex')
  w.u8(negative ? TAG.negative : TAG.positive)
  writeU32be(w, negative ? ~magnitude.length >>> 0 : magnitude.length)
  w.raw(negative ? magnitude.map((byte) => byte ^ 0xff) : magnitude)
}

function read(r: ByteReader, tag: number, depth: number): Key {
  switch (tag) {
    case TAG.null:
      return null
    case TAG.false:
      return false
    case TAG.true:
      return true
    case TAG.number:
      return readNumber(r)
    case TAG.negative:
    case TAG.positive:
      return readBigInt(r, tag === TAG.negative)
    case TAG.string:
      return utf8Text(readEscaped(r))
    case TAG.utf16:
      return Buffer.from(readEscaped(r)).swap16().toString('utf16le')
    case TAG.bytes:
      return new Uint8Array(readEscaped(r))
    case TAG.tuple:
      return readTuple(r, depth)
    default:
      throw new RangeError(`unknown key tag ${String(tag)}`)
  }
}

function readTuple(r: ByteReader, depth: number): Key {
  if (depth >= KEY_DEPTH_MAX) throw new RangeError('tuple nested too deep')
  const parts: Key[] = []
  for (let tag = r.u8(); tag !== 0; tag = r.u8()) parts.push(read(r, tag, depth + 1))
  return parts
}

function readEscaped(r: ByteReader): Uint8Array {
  const w = new ByteWriter(32)
  for (;;) {
    const byte = r.u8()
    if (byte !== 0) w.u8(byte)
    else if (r.remaining > 0 && peekEscape(r)) w.u8(0)
    else return w.finish()
  }
}

/** Consumes the 0xFF of an escaped zero. No tag and no terminator is 0xFF, so one byte decides. */
function peekEscape(r: ByteReader): boolean {
  return r.peek() === 0xff && r.u8() === 0xff
}

function readU32be(r: ByteReader): number {
  return ((r.u8() << 24) | (r.u8() << 16) | (r.u8() << 8) | r.u8()) >>> 0
}

function readNumber(r: ByteReader): number {
  const high = readU32be(r)
  const low = readU32be(r)
  const negative = high < 0x8000_0000
  scratch.setUint32(0, negative ? ~high >>> 0 : (high & 0x7fff_ffff) >>> 0)
  scratch.setUint32(4, negative ? ~low >>> 0 : low)
  return scratch.getFloat64(0)
}

function readBigInt(r: ByteReader, negative: boolean): bigint {
  const length = negative ? ~readU32be(r) >>> 0 : readU32be(r)
  const magnitude = r.raw(length)
  if (length === 0) return 0n
  const hex = Buffer.from(negative ? magnitude.map((byte) => byte ^ 0xff) : magnitude).toString(
    'hex',
  )
  const n = BigInt(`0x${hex}`)
  return negative ? -n : n
}
