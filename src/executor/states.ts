/**
 * The state partitions of one executor: committed tables, and the overlay of the one attempt that
 * may be under way.
 *
 *   load ─► ( view* ─► prepare ─► commit | drop )*
 *
 * Invariant: a committed table changes in `commit` only, and only by overlays that were prepared
 * under the same number.
 */
import { assert, present } from '../base/assert.ts'
import { StatePartition } from '../../checkpoint/pieces.ts'
import type { StateView } from '../dstream/batch.ts'
import type { StateChange } from './attempt.ts'
import type { Piece } from './piece-batches.ts'

type Overlay = ReturnType<StatePartition['begin']>

interface Entry {
  readonly uid: string
  readonly partition: number
  readonly committed: StatePartition
  overlay: Overlay | undefined
}

const nameOf = (uid: string, partition: number): string => `${String(partition)}/${uid}`

export class States {
  readonly #entries = new Map<string, Entry>()
  readonly #loading = new Map<string, Piece[]>()
  #prepared: number | undefined

  /**
   * Takes pieces of a partition; with the last of them the partition is there. Throws
   * `MR_STATE_DAMAGED`.
   */
  load(uid: string, partition: number, pieces: readonly Piece[], last: boolean): void {
    const name = nameOf(uid, partition)
    const all = [...(this.#loading.get(name) ?? []), ...pieces]
    if (!last) {
      this.#loading.set(name, all)
      return
    }
    this.#loading.delete(name)
    const committed = new StatePartition()
    committed.load(all)
    this.#entries.set(name, { uid, partition, committed, overlay: undefined })
  }

  /** A partition as the attempt under way sees it. */
  view(uid: string, partition: number): StateView {
    const entry = present(this.#entries.get(nameOf(uid, partition)), 'state partition of this rank')
    entry.overlay ??= entry.committed.begin()
    return entry.overlay
  }

  /** What the attempt changed, as pieces of commit `number`. */
  prepare(number: number): readonly StateChange[] {
    this.#prepared = number
    return this.#touched()
      .map(({ uid, partition, committed, overlay }) => ({
        uid,
        partition,
        ...committed.prepare(overlay, number),
      }))
      .filter(({ puts, deletes }) => puts.length > 0 || deletes.length > 0)
  }

  /** What was prepared is durable. */
  commit(): void {
    const number = present(this.#prepared, 'number of the commit')
    for (const { committed, overlay } of this.#touched()) committed.commit(overlay, number)
    this.drop()
  }

  /** Forgets what the attempt changed. */
  drop(): void {
    for (const entry of this.#entries.values()) entry.overlay = undefined
    this.#prepared = undefined
  }

  /** A committed value's bytes; valid until the next change. The partition is loaded. */
  committedValue(
    uid: string,
    partition: number,
    key: Uint8Array,
    hash: number,
  ): Uint8Array | undefined {
    assert(!this.#loading.has(nameOf(uid, partition)), 'the partition is loaded')
    return this.#entries.get(nameOf(uid, partition))?.committed.table.get(key, hash)
  }

  #touched(): readonly (Entry & { readonly overlay: Overlay })[] {
    return [...this.#entries.values()].flatMap(({ overlay, ...entry }) =>
      overlay === undefined ? [] : [{ ...entry, overlay }],
    )
  }
}
