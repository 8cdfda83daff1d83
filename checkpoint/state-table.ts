/**
 * The committed keys and values of one state partition: a packed open-addressing hash table over
 * ArrayBuffers. A JavaScript `Map` ends at 2^24 entries and its objects burden the collector; this
 * table holds neither limit nor objects.
 *
 *   index: two u32 a slot, hash and reference + 1 (0 = free)
 *   slot = the hash's top bits, then linear probing
 *   So the keys of one hash prefix lie together, and `locatedOf(prefix)` costs what it yields.
 *
 * Invariants:
 *   - a key's slot is reached from its home slot without crossing a free one (deletion shifts back,
 *     no tombstones)
 *   - at most 70 % of the slots are taken
 *   - memory is bounded by the live entries: slabs are at most half garbage (the newest one
 *     excepted), a value fills at least a quarter of its room
 * Lives in memory alone: a crash leaves nothing of it behind.
 */
import { assert } from '../src/base/assert.ts'
import { Arena, nowhere, viewsOf, type Located, type Mover } from './arena.ts'

const SLOT_BITS_MIN = 4
const LOAD_MAX = 0.7
/** Words of one cache line of the index: eight slots. */
const BLOCK_WORDS = 16

export type TableEntry = readonly [key: Uint8Array, value: Uint8Array, hash: number]

export class StateTable {
  #bits = SLOT_BITS_MIN
  #slots = new Uint32Array(2 << SLOT_BITS_MIN)
  #size = 0
  #payload = 0
  readonly #arena: Arena

  constructor() {
    const mover: Mover = {
      isLive: (reference, hash) => this.#slotOf(reference, hash) >= 0,
      moved: (from, to, hash) => {
        this.#slots[this.#slotOf(from, hash) + 1] = to + 1
      },
    }
    this.#arena = new Arena(mover)
  }

  /** Keys held. */
  get size(): number {
    return this.#size
  }

  /** Bytes of memory held: entries, garbage among them, and the index. */
  get bytes(): number {
    return this.#arena.bytes + this.#slots.byteLength
  }

  /** Bytes of all keys and values. */
  get payloadBytes(): number {
    return this.#payload
  }

  /** A view of the value, valid until the next change of the table. */
  get(key: Uint8Array, hash: number): Uint8Array | undefined {
    const slot = this.#find(key, hash)
    return slot < 0 ? undefined : this.#arena.value((this.#slots[slot + 1] ?? 0) - 1)
  }

  has(key: Uint8Array, hash: number): boolean {
    return this.#find(key, hash) >= 0
  }

  /** Whether the key of an entry of another table is here. */
  hasKeyOf(entry: Located): boolean {
    return (
      this.#size !== 0 && this.#findPart(entry.bytes, entry.from, entry.keyLength, entry.hash) >= 0
    )
  }

  /** What the table holds for the key, compared with this value. */
  compare(key: Uint8Array, hash: number, value: Uint8Array): 'absent' | 'equal' | 'other' {
    const slot = this.#find(key, hash)
    if (slot < 0) return 'absent'
    return this.#arena.hasValue((this.#slots[slot + 1] ?? 0) - 1, value) ? 'equal' : 'other'
  }

  /** Copies key and value in. */
  set(key: Uint8Array, hash: number, value: Uint8Array): void {
    const found = this.#find(key, hash)
    const more = key.length + value.length
    if (found < 0) this.#added(this.#arena.add(key, hash, value), hash, more)
    else if (!this.#replaced(found, more, value, 0, value.length)) {
      this.#moved(found, this.#arena.add(key, hash, value))
    }
  }

  /** `set` with the key and value of an entry of another table. */
  setCopy(entry: Located): void {
    const { bytes, from, hash, keyLength, valueLength } = entry
    const found = this.#findPart(bytes, from, keyLength, hash)
    const more = keyLength + valueLength
    if (found < 0) this.#added(this.#arena.addCopy(entry), hash, more)
    else if (!this.#replaced(found, more, bytes, from + keyLength, valueLength)) {
      this.#moved(found, this.#arena.addCopy(entry))
    }
  }

  /** Whether the key was there. */
  delete(key: Uint8Array, hash: number): boolean {
    const found = this.#find(key, hash)
    if (found < 0) return false
    const reference = (this.#slots[found + 1] ?? 0) - 1
    this.#payload -= this.#arena.payloadBytes(reference)
    this.#size -= 1
    this.#closeGap(found)
    this.#arena.release(reference)
    this.#arena.tidy(reference)
    if (this.#bits > SLOT_BITS_MIN && this.#size * 8 < 1 << this.#bits) this.#resize(this.#bits - 1)
    return true
  }

  /**
   * Makes room in the index for this many keys, so that loading them does not grow it step by step.
   */
  reserve(keys: number): void {
    let bits = this.#bits
    while (keys > (1 << bits) * LOAD_MAX) bits += 1
    if (bits !== this.#bits) this.#resize(bits)
  }

  clear(): void {
    this.#bits = SLOT_BITS_MIN
    this.#slots = new Uint32Array(2 << SLOT_BITS_MIN)
    this.#size = 0
    this.#payload = 0
    this.#arena.clear()
  }

  /** Every entry once, as views. The table must not change meanwhile. */
  *entries(): Generator<TableEntry> {
    yield* viewsOf(this.located())
  }

  /**
   * Every entry once, in one object. The table must not change meanwhile.
   *
   * The order strides over the index by the golden section. In order of hash, whoever puts what is
   * read here into another such table would crowd the front of its growing index, and every
   * insertion would probe the whole crowd.
   */
  *located(): Generator<Located> {
    const entry = nowhere()
    const slots = this.#slots
    const blocks = slots.length / BLOCK_WORDS
    const stride = Math.floor(blocks * 0.618) | 1
    let block = 0
    for (let i = 0; i < blocks; i++) {
      const end = (block + 1) * BLOCK_WORDS
      for (let slot = block * BLOCK_WORDS; slot < end; slot += 2) {
        const reference = slots[slot + 1] ?? 0
        if (reference === 0) continue
        this.#arena.locate(reference - 1, entry)
        yield entry
        assert(slots === this.#slots, 'a table under iteration does not change')
      }
      block = (block + stride) & (blocks - 1)
    }
  }

  /**
   * Entries whose hash begins with the top `depth` bits of `prefix`, roughly in order of hash, in
   * one object. The table must not change meanwhile.
   */
  *locatedOf(depth: number, prefix: number): Generator<Located> {
    const entry = nowhere()
    const slots = this.#slots
    const mask = slots.length - 1
    const shift = 32 - depth
    const wanted = depth === 0 ? 0 : prefix >>> shift
    const first = (prefix >>> (32 - this.#bits)) * 2
    const count = Math.max(1, 2 ** (this.#bits - depth))
    for (let i = 0; i <= mask >> 1; i++) {
      const slot = (first + i * 2) & mask
      const reference = slots[slot + 1] ?? 0
      if (reference === 0) {
        if (i >= count) return
        continue
      }
      if (depth !== 0 && (slots[slot] ?? 0) >>> shift !== wanted) continue
      this.#arena.locate(reference - 1, entry)
      yield entry
      assert(slots === this.#slots, 'a table under iteration does not change')
    }
  }

  /** An entry whose key was not there has been added to the arena. */
  #added(reference: number, hash: number, payload: number): void {
    if (this.#size + 1 > (1 << this.#bits) * LOAD_MAX) this.#resize(this.#bits + 1)
    this.#place(this.#slots, this.#bits, hash, reference)
    this.#size += 1
    this.#payload += payload
  }

  /** Overwrites the value where it lies, if it may; counts it as overwritten anyhow. */
  #replaced(
    slot: number,
    payload: number,
    source: Uint8Array,
    from: number,
    length: number,
  ): boolean {
    const reference = (this.#slots[slot + 1] ?? 0) - 1
    this.#payload += payload - this.#arena.payloadBytes(reference)
    return this.#arena.replace(reference, source, from, length)
  }

  /** The entry of a slot has been added anew, as `reference`. */
  #moved(slot: number, reference: number): void {
    // Adding may have emptied other slabs, which looks up references: the old one was still in its
    // slot by then.
    const current = (this.#slots[slot + 1] ?? 0) - 1
    this.#slots[slot + 1] = reference + 1
    this.#arena.release(current)
    this.#arena.tidy(current)
  }

  #find(key: Uint8Array, hash: number): number {
    return this.#findPart(key, 0, key.length, hash)
  }

  /** The slot of the key that is this part of `source`, or -1. */
  #findPart(source: Uint8Array, from: number, length: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash >>> (32 - this.#bits)) * 2
    for (;;) {
      const reference = slots[slot + 1] ?? 0
      if (reference === 0) return -1
      const same = slots[slot] === hash && this.#arena.hasKey(reference - 1, source, from, length)
      if (same) return slot
      slot = (slot + 2) & mask
    }
  }

  /** The slot that points at `reference`, or -1. */
  #slotOf(reference: number, hash: number): number {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = (hash >>> (32 - this.#bits)) * 2
    for (;;) {
      const there = slots[slot + 1] ?? 0
      if (there === 0) return -1
      if (there === reference + 1) return slot
      slot = (slot + 2) & mask
    }
  }

  #place(slots: Uint32Array, bits: number, hash: number, reference: number): void {
    const mask = slots.length - 1
    let slot = (hash >>> (32 - bits)) * 2
    while (slots[slot + 1] !== 0) slot = (slot + 2) & mask
    slots[slot] = hash
    slots[slot + 1] = reference + 1
  }

  #resize(bits: number): void {
    assert(bits <= 29, 'a state partition holds less than 2^29 keys')
    const slots = new Uint32Array(2 << bits)
    const old = this.#slots
    for (let slot = 0; slot < old.length; slot += 2) {
      const reference = old[slot + 1] ?? 0
      if (reference !== 0) this.#place(slots, bits, old[slot] ?? 0, reference - 1)
    }
    this.#slots = slots
    this.#bits = bits
  }

  /** Moves later entries of the run back, so that no search stops early at the freed slot. */
  #closeGap(freed: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let gap = freed
    for (let slot = (gap + 2) & mask; slots[slot + 1] !== 0; slot = (slot + 2) & mask) {
      const home = ((slots[slot] ?? 0) >>> (32 - this.#bits)) * 2
      const stays = gap <= slot ? gap < home && home <= slot : gap < home || home <= slot
      if (stays) continue
      slots[gap] = slots[slot] ?? 0
      slots[gap + 1] = slots[slot + 1] ?? 0
      gap = slot
    }
    slots[gap] = 0
    slots[gap + 1] = 0
  }
}
