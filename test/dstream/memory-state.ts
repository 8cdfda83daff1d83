/**
 * A state partition in memory, as strict as the real one: what `get` and `entries` hand out is a
 * view that the next change destroys.
 */
import type { StateView } from '../../src/dstream/batch.ts'

export class MemoryState {
  #committed = new Map<string, { readonly value: Uint8Array; readonly hash: number }>()

  get committed(): ReadonlyMap<string, { readonly value: Uint8Array; readonly hash: number }> {
    return this.#committed
  }

  begin(): MemoryOverlay {
    return new MemoryOverlay(this.#committed)
  }

  commit(overlay: MemoryOverlay): void {
    this.#committed = overlay.entriesNow
  }
}

const text = (key: Uint8Array): string => Buffer.from(key).toString('latin1')

export class MemoryOverlay implements StateView {
  readonly entriesNow: Map<string, { readonly value: Uint8Array; readonly hash: number }>
  /** Calls of `set` and `delete`. */
  writes = 0
  readonly #lent: Uint8Array[] = []

  constructor(base: ReadonlyMap<string, { readonly value: Uint8Array; readonly hash: number }>) {
    this.entriesNow = new Map(base)
  }

  get size(): number {
    return this.entriesNow.size
  }

  get(key: Uint8Array, hash: number): Uint8Array | undefined {
    const entry = this.entriesNow.get(text(key))
    if (entry === undefined) return undefined
    if (entry.hash !== hash) throw new Error('a key with two hashes')
    return this.#lend(entry.value)
  }

  set(key: Uint8Array, hash: number, value: Uint8Array): void {
    const own = { value: value.slice(), hash }
    this.entriesNow.set(text(key), own)
    this.#change()
  }

  delete(key: Uint8Array): boolean {
    const was = this.entriesNow.delete(text(key))
    this.#change()
    return was
  }

  *entries(): Iterable<readonly [Uint8Array, Uint8Array, number]> {
    for (const key of [...this.entriesNow.keys()]) {
      const entry = this.entriesNow.get(key)
      if (entry === undefined) continue
      yield [this.#lend(Buffer.from(key, 'latin1')), this.#lend(entry.value), entry.hash]
    }
  }

  #lend(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes)
    this.#lent.push(copy)
    return copy
  }

  #change(): void {
    this.writes += 1
    for (const view of this.#lent.splice(0)) view.fill(0xee)
  }
}
