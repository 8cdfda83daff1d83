/**
 * The uncommitted changes of one batch attempt on one state partition: read through to the
 * committed table, never written to it. Aborting is dropping the overlay.
 *
 * Invariants:
 *   - a key is in `#sets` or in `#deletes` or in neither, never in both
 *   - `#sets` holds no value equal to the base's, `#deletes` no key the base lacks: what is counted
 *     is a change
 *   - the base does not change while an overlay of it lives (the partition guards this)
 */
import { assert } from '../src/base/assert.ts'
import type { Located } from './arena.ts'
import { DELTA_HEAD_BYTES, encodeDelta } from './delta.ts'
import { StateTable, type TableEntry } from './state-table.ts'

const NOTHING = new Uint8Array(0)

export class Overlay {
  readonly #base: StateTable
  readonly #sets = new StateTable()
  readonly #deletes = new StateTable()
  /** How many keys of `#sets` the base lacks. */
  #added = 0

  constructor(base: StateTable) {
    this.#base = base
  }

  /** Keys as seen through base and overlay. */
  get size(): number {
    return this.#base.size + this.#added - this.#deletes.size
  }

  /** Keys whose value differs from the base's. */
  get changes(): number {
    return this.#sets.size + this.#deletes.size
  }

  /** Bytes of memory the changes hold. */
  get bytes(): number {
    return this.#sets.bytes + this.#deletes.bytes
  }

  /** A view of the value, valid until the next change of this overlay. */
  get(key: Uint8Array, hash: number): Uint8Array | undefined {
    const set = this.#sets.get(key, hash)
    if (set !== undefined) return set
    if (this.#deletes.size !== 0 && this.#deletes.has(key, hash)) return undefined
    return this.#base.get(key, hash)
  }

  /** Copies key and value in. Setting what the base holds is no change. */
  set(key: Uint8Array, hash: number, value: Uint8Array): void {
    if (this.#deletes.size !== 0) this.#deletes.delete(key, hash)
    const there = this.#base.compare(key, hash, value)
    if (there === 'equal') {
      this.#sets.delete(key, hash)
      return
    }
    const before = this.#sets.size
    this.#sets.set(key, hash, value)
    if (there === 'absent' && this.#sets.size !== before) this.#added += 1
  }

  /** Whether the key was there. */
  delete(key: Uint8Array, hash: number): boolean {
    const inBase = this.#base.has(key, hash)
    const wasSet = this.#sets.delete(key, hash)
    if (!inBase) {
      if (wasSet) this.#added -= 1
      return wasSet
    }
    if (this.#deletes.has(key, hash)) return false
    this.#deletes.set(key, hash, NOTHING)
    return true
  }

  /**
   * Every key there was when the iteration began and that is still there when its turn comes, with
   * its value of that moment. Keys may be set and deleted meanwhile; the views are valid until the
   * next change of this overlay.
   */
  *entries(): Generator<TableEntry> {
    const added = this.#addedKeys()
    for (const [key, value, hash] of this.#base.entries()) {
      if (this.changes === 0) {
        yield [key, value, hash]
        continue
      }
      const now = this.get(key, hash)
      if (now !== undefined) yield [key, now, hash]
    }
    for (const [key, hash] of added) {
      const now = this.#sets.get(key, hash)
      if (now !== undefined) yield [key, now, hash]
    }
  }

  /** Entries of one hash prefix, in one object. Nothing may change meanwhile. */
  *locatedOf(depth: number, prefix: number): Generator<Located> {
    for (const entry of this.#base.locatedOf(depth, prefix)) {
      if (!this.#sets.hasKeyOf(entry) && !this.#deletes.hasKeyOf(entry)) yield entry
    }
    yield* this.#sets.locatedOf(depth, prefix)
  }

  /**
   * The changes as a delta of commit `number`, with its own checksum. `previous` is the number of
   * the delta before it that is still kept (0: none), so that a lost one leaves a gap that is seen.
   */
  encodeDelta(number: number, previous: number): Uint8Array {
    const sets = this.#sets.located()
    const deletes = this.#deletes.located()
    return encodeDelta(number, previous, this.deltaBytes + 6 * this.changes, sets, deletes)
  }

  /** Least length of a delta of the changes; more where a key or value is over 126 bytes. */
  get deltaBytes(): number {
    const payload = this.#sets.payloadBytes + this.#deletes.payloadBytes
    return DELTA_HEAD_BYTES + payload + 2 * this.changes
  }

  /** Keys and values seen through base and overlay are at most so many bytes. */
  get payloadBytesMax(): number {
    return this.#base.payloadBytes + this.#sets.payloadBytes
  }

  /** Applies the changes. Afterwards the overlay is spent. */
  mergeInto(table: StateTable): void {
    assert(table === this.#base, 'an overlay merges into its own base')
    for (const [key, , hash] of this.#deletes.entries()) table.delete(key, hash)
    table.reserve(table.size + this.#added)
    for (const entry of this.#sets.located()) table.setCopy(entry)
    this.#sets.clear()
    this.#deletes.clear()
    this.#added = 0
  }

  #addedKeys(): (readonly [key: Uint8Array, hash: number])[] {
    const added: (readonly [Uint8Array, number])[] = []
    if (this.#added === 0) return added
    for (const [key, , hash] of this.#sets.entries()) {
      if (!this.#base.has(key, hash)) added.push([key.slice(), hash])
    }
    return added
  }
}
