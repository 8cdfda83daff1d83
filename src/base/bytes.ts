/**
 * A growing writer and a bounded reader for little-endian binary formats. Reading past the end
 * throws a RangeError.
 */

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)
/** Throws a TypeError on bytes that are not UTF-8. */
export const utf8Text = (bytes: Uint8Array): string => decoder.decode(bytes)

export class ByteWriter {
  #bytes: Uint8Array
  #view: DataView
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  #room(more: number): number {
    const at = this.#length
    const need = at + more
    if (need > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(need, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = need
    return at
  }

  u8(n: number): this {
    const at = this.#room(1)
    this.#view.setUint8(at, n)
    return this
  }
  u32(n: number): this {
    const at = this.#room(4)
    this.#view.setUint32(at, n, true)
    return this
  }
  /** A safe integer ≥ 0 as 64 bits. */
  u64(n: number): this {
    const at = this.#room(8)
    this.#view.setUint32(at, n % 0x1_0000_0000, true)
    this.#view.setUint32(at + 4, Math.floor(n / 0x1_0000_0000), true)
    return this
  }
  f64(n: number): this {
    const at = this.#room(8)
    this.#view.setFloat64(at, n, true)
    return this
  }
  /** LEB128 of a safe integer ≥ 0. */
  varint(n: number): this {
    let rest = n
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    return this.u8(rest)
  }
  /** A text all of whose characters are ASCII. */
  ascii(text: string): this {
    const at = this.#room(text.length)
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i)
    return this
  }
  raw(bytes: Uint8Array): this {
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }
  /** A part of `bytes`: no view is made for it. */
  part(bytes: Uint8Array, from: number, length: number): this {
    const at = this.#room(length)
    copyBytes(bytes, from, length, this.#bytes, at)
    return this
  }
  /** Varint length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes)
  }
  text(text: string): this {
    return this.bytes(utf8(text))
  }
  /** A view of what was written; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }
  clear(): void {
    this.#length = 0
  }
}

export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = at
  }

  get position(): number {
    return this.#at
  }
  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  #take(n: number): number {
    const at = this.#at
    if (n < 0 || at + n > this.#bytes.length)
      throw new RangeError(`truncated: ${String(n)} bytes at ${String(at)}`)
    this.#at = at + n
    return at
  }

  /** The next byte, left unread. */
  peek(): number {
    const at = this.#take(1)
    this.#at = at
    return this.#view.getUint8(at)
  }
  u8(): number {
    return this.#view.getUint8(this.#take(1))
  }
  u32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }
  u64(): number {
    const at = this.#take(8)
    const n = this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000
    if (!Number.isSafeInteger(n)) throw new RangeError('integer over 2^53')
    return n
  }
  f64(): number {
    return this.#view.getFloat64(this.#take(8), true)
  }
  varint(): number {
    let n = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      n += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (!Number.isSafeInteger(n)) break
        return n
      }
      scale *= 0x80
    }
    throw new RangeError('varint over 2^53')
  }
  /** A view, not a copy. */
  raw(n: number): Uint8Array {
    const at = this.#take(n)
    return this.#bytes.subarray(at, at + n)
  }
  bytes(): Uint8Array {
    return this.raw(this.varint())
  }
  text(): string {
    return utf8Text(this.bytes())
  }
}

/** Up to this a loop is faster than views and a built-in. */
const LOOPED_BYTES_MAX = 48

/** Copies a part of one array to a place in another; they do not overlap. */
export function copyBytes(
  source: Uint8Array,
  from: number,
  length: number,
  target: Uint8Array,
  at: number,
): void {
  if (length > LOOPED_BYTES_MAX) target.set(source.subarray(from, from + length), at)
  else for (let i = 0; i < length; i++) target[at + i] = source[from + i] ?? 0
}

/** Whether parts of two arrays are the same bytes. */
export function equalParts(
  a: Uint8Array,
  aFrom: number,
  b: Uint8Array,
  bFrom: number,
  length: number,
): boolean {
  if (length > LOOPED_BYTES_MAX) {
    const other = b.subarray(bFrom, bFrom + length)
    return Buffer.compare(a.subarray(aFrom, aFrom + length), other) === 0
  }
  for (let i = 0; i < length; i++) if (a[aFrom + i] !== b[bFrom + i]) return false
  return true
}

/** Lexicographic order of unsigned bytes. */
export const compareBytes = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b)
export const equalBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && equalParts(a, 0, b, 0, a.length)
