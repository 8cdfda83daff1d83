/**
 * Packed entries in slabs: the memory under a state table. An entry is named by a 32-bit reference
 * and stays where it is until the table moves it; nothing here is an object per key.
 *
 *   reference = entry position / 8; slab = position >> 20
 *   entry := u32 key length | u32 value length | u32 value capacity | u32 hash
 *          | key | value | pad to 8
 *
 * A slab is 1 MiB; the first one grows up to that.
 *
 * Invariants:
 *   - entries lie one behind the other from offset 0 of a slab, so a slab can be walked
 *   - an entry over 1 MiB has a buffer of its own, which takes as many slab numbers as it needs to
 *     keep references unique
 *   - `garbage` of a slab counts the bytes of entries released in it; the caller empties slabs that
 *     are mostly garbage
 */
import { assert, present } from '../src/base/assert.ts'
import { copyBytes, equalParts } from '../src/base/bytes.ts'

const SLAB_BYTES = 1 << 20
const FIRST_SLAB_BYTES = 1 << 12
const UNIT = 8
const SLAB_SHIFT = 17
const UNITS_PER_SLAB = 1 << SLAB_SHIFT
const HEADER_BYTES = 16

/**
 * Where an entry lies: the value follows the key. One object is used for many entries, so that none
 * is made for each. Good until the arena changes.
 */
export interface Located {
  bytes: Uint8Array
  from: number
  keyLength: number
  valueLength: number
  hash: number
}

export const nowhere = (): Located => ({
  bytes: new Uint8Array(0),
  from: 0,
  keyLength: 0,
  valueLength: 0,
  hash: 0,
})

/** What `Located` points at, as views. */
export function* viewsOf(
  entries: Iterable<Located>,
): Generator<readonly [key: Uint8Array, value: Uint8Array, hash: number]> {
  for (const { bytes, from, keyLength, valueLength, hash } of entries) {
    const middle = from + keyLength
    yield [bytes.subarray(from, middle), bytes.subarray(middle, middle + valueLength), hash]
  }
}

interface Slab {
  readonly bytes: Uint8Array
  readonly words: Uint32Array
  used: number
  garbage: number
}

function slabOf(bytes: number): Slab {
  const buffer = new ArrayBuffer(bytes)
  return { bytes: new Uint8Array(buffer), words: new Uint32Array(buffer), used: 0, garbage: 0 }
}

const entryBytes = (keyBytes: number, capacity: number): number =>
  (HEADER_BYTES + keyBytes + capacity + UNIT - 1) & ~(UNIT - 1)

/**
 * What is asked of the owner when a slab is emptied: does the index still point at this entry, and
 * it has moved.
 */
export interface Mover {
  isLive(reference: number, hash: number): boolean
  moved(from: number, to: number, hash: number): void
}

export class Arena {
  #slabs: (Slab | undefined)[] = []
  /** The slab that takes new entries. */
  #tail = 0
  readonly #free: number[] = []
  readonly #mover: Mover
  #held = 0

  constructor(mover: Mover) {
    this.#mover = mover
  }

  /** Bytes held in slabs. */
  get bytes(): number {
    return this.#held
  }

  clear(): void {
    this.#slabs = []
    this.#free.length = 0
    this.#tail = 0
    this.#held = 0
  }

  #slab(reference: number): Slab {
    return present(this.#slabs[reference >>> SLAB_SHIFT], 'slab of a reference')
  }

  key(reference: number): Uint8Array {
    const slab = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * UNIT
    const from = at + HEADER_BYTES
    return slab.bytes.subarray(from, from + (slab.words[at >> 2] ?? 0))
  }

  value(reference: number): Uint8Array {
    const slab = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * UNIT
    const from = at + HEADER_BYTES + (slab.words[at >> 2] ?? 0)
    return slab.bytes.subarray(from, from + (slab.words[(at >> 2) + 1] ?? 0))
  }

  /** Points `entry` at this one. */
  locate(reference: number, entry: Located): void {
    const { bytes, words } = this.#slab(reference)
    const word = (reference % UNITS_PER_SLAB) * 2
    entry.bytes = bytes
    entry.from = word * 4 + HEADER_BYTES
    entry.keyLength = words[word] ?? 0
    entry.valueLength = words[word + 1] ?? 0
    entry.hash = words[word + 3] ?? 0
  }

  hash(reference: number): number {
    return this.#slab(reference).words[(reference % UNITS_PER_SLAB) * 2 + 3] ?? 0
  }

  /** Key plus value bytes of an entry. */
  payloadBytes(reference: number): number {
    const { words } = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * 2
    return (words[at] ?? 0) + (words[at + 1] ?? 0)
  }

  /** Whether the entry's key is this part of `source`. */
  hasKey(reference: number, source: Uint8Array, from: number, length: number): boolean {
    const { bytes, words } = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * UNIT
    return words[at >> 2] === length && equalParts(bytes, at + HEADER_BYTES, source, from, length)
  }

  hasValue(reference: number, value: Uint8Array): boolean {
    const { bytes, words } = this.#slab(reference)
    const word = (reference % UNITS_PER_SLAB) * 2
    if (words[word + 1] !== value.length) return false
    const from = word * 4 + HEADER_BYTES + (words[word] ?? 0)
    return equalParts(bytes, from, value, 0, value.length)
  }

  /**
   * Overwrites the value where it lies; false when it does not fit, or would leave most of its room
   * empty.
   */
  replace(reference: number, source: Uint8Array, from: number, length: number): boolean {
    const { bytes, words } = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * UNIT
    const word = at >> 2
    const capacity = words[word + 2] ?? 0
    if (length > capacity || (capacity > 64 && length * 4 < capacity)) return false
    words[word + 1] = length
    copyBytes(source, from, length, bytes, at + HEADER_BYTES + (words[word] ?? 0))
    return true
  }

  /** Adds an entry and returns its reference. May move other entries, telling the mover. */
  add(key: Uint8Array, hash: number, value: Uint8Array): number {
    const reference = this.#begin(key.length, value.length, hash)
    const { bytes } = this.#slab(reference)
    const at = (reference % UNITS_PER_SLAB) * UNIT + HEADER_BYTES
    copyBytes(key, 0, key.length, bytes, at)
    copyBytes(value, 0, value.length, bytes, at + key.length)
    return reference
  }

  /** Adds an entry of another arena and returns its reference here. May move others, like `add`. */
  addCopy(entry: Located): number {
    const { bytes, from, keyLength, valueLength, hash } = entry
    const reference = this.#begin(keyLength, valueLength, hash)
    const at = (reference % UNITS_PER_SLAB) * UNIT + HEADER_BYTES
    copyBytes(bytes, from, keyLength + valueLength, this.#slab(reference).bytes, at)
    return reference
  }

  /** Room for an entry, its header written. */
  #begin(keyLength: number, valueLength: number, hash: number): number {
    const size = entryBytes(keyLength, valueLength)
    const number = size > SLAB_BYTES ? this.#ownSlab(size) : this.#tailWithRoom(size)
    const slab = present(this.#slabs[number], 'slab with room')
    const at = slab.used
    slab.used = at + size
    const word = at >> 2
    slab.words[word] = keyLength
    slab.words[word + 1] = valueLength
    slab.words[word + 2] = size - HEADER_BYTES - keyLength
    slab.words[word + 3] = hash
    return number * UNITS_PER_SLAB + at / UNIT
  }

  /** The entry's bytes are garbage from now on; nothing is moved before `tidy`. */
  release(reference: number): void {
    const slab = this.#slab(reference)
    const word = (reference % UNITS_PER_SLAB) * 2
    slab.garbage += entryBytes(slab.words[word] ?? 0, slab.words[word + 2] ?? 0)
  }

  /** Empties the slab that `reference` lies in when most of it is garbage. */
  tidy(reference: number): void {
    const number = Math.floor(reference / UNITS_PER_SLAB)
    if (number !== this.#tail) this.#emptyIfMostlyGarbage(number)
  }

  #emptyIfMostlyGarbage(number: number): void {
    const slab = this.#slabs[number]
    if (slab === undefined || slab.garbage * 2 <= slab.used) return
    assert(number !== this.#tail, 'the tail is never emptied')
    for (let at = 0; at < slab.used;) {
      const word = at >> 2
      const keyBytes = slab.words[word] ?? 0
      const hash = slab.words[word + 3] ?? 0
      const from = number * UNITS_PER_SLAB + at / UNIT
      if (this.#mover.isLive(from, hash)) {
        this.#mover.moved(from, this.add(this.key(from), hash, this.value(from)), hash)
      }
      at += entryBytes(keyBytes, slab.words[word + 2] ?? 0)
    }
    this.#drop(number, slab)
  }

  #drop(number: number, slab: Slab): void {
    this.#held -= slab.bytes.length
    const taken = Math.ceil(slab.bytes.length / SLAB_BYTES)
    for (let i = 0; i < taken; i++) {
      this.#slabs[number + i] = undefined
      this.#free.push(number + i)
    }
  }

  #tailWithRoom(size: number): number {
    const tail = this.#slabs[this.#tail]
    if (tail !== undefined && tail.used + size <= tail.bytes.length) return this.#tail
    if (tail === undefined || tail.used + size > SLAB_BYTES || tail.bytes.length === SLAB_BYTES) {
      const sealed = this.#tail
      const first = this.#slabs.length === 0
      this.#tail = this.#newNumber()
      this.#put(this.#tail, slabOf(first ? roomFor(size) : SLAB_BYTES))
      if (!first) this.#emptyIfMostlyGarbage(sealed)
      return this.#tailWithRoom(size)
    }
    const grown = slabOf(roomFor(tail.used + size))
    grown.bytes.set(tail.bytes.subarray(0, tail.used))
    grown.used = tail.used
    grown.garbage = tail.garbage
    this.#held -= tail.bytes.length
    this.#put(this.#tail, grown)
    return this.#tail
  }

  #newNumber(): number {
    const number = this.#free.pop() ?? this.#slabs.length
    assert(number < 2 ** 32 / UNITS_PER_SLAB, 'a state partition holds less than 32 GiB')
    return number
  }

  #put(number: number, slab: Slab): void {
    this.#slabs[number] = slab
    this.#held += slab.bytes.length
  }

  #ownSlab(size: number): number {
    if (this.#slabs.length === 0) this.#tailWithRoom(UNIT)
    const number = this.#slabs.length
    const taken = Math.ceil(size / SLAB_BYTES)
    assert(number + taken < 2 ** 32 / UNITS_PER_SLAB, 'a state partition holds less than 32 GiB')
    for (let i = 0; i < taken; i++) this.#slabs.push(undefined)
    this.#put(number, slabOf(size))
    return number
  }
}

/** The next power of two, between the first size of the first slab and a full slab. */
function roomFor(size: number): number {
  let room = FIRST_SLAB_BYTES
  while (room < size) room *= 2
  return room
}
