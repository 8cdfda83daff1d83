/**
 * A store that waits for room: LevelDB refuses every write once one has found the disk full, also
 * after space was freed, and only opening it again cures that. So the store is closed and opened
 * again, and the same batch is written once more, as often as it takes.
 *
 * Invariant: writing a batch twice is writing it once, since it only puts and deletes and nothing
 * else is written in between; so nobody has to find out whether the first one arrived.
 * A crash at any line leaves the batch in the store, or not: what a crash inside a batch leaves.
 */
import { isMillraceError } from '../src/base/errors.ts'
import type { KeyValueStore, StoreOperation, Stores } from '../src/host/host.ts'

/**
 * Called when there is no room: resolves when it should be tried again, rejects to give up (the
 * batch rejects with that then).
 */
export type OnFull = (error: Error) => Promise<void>

export class PatientStore implements KeyValueStore {
  readonly #stores: Pick<Stores, 'open'>
  readonly #path: string
  readonly #onFull: OnFull
  #store: KeyValueStore
  /** It refused a write and takes none before it is opened again. */
  #wedged = false
  #closed = false

  /** `store` is the one open at `path`; it belongs to this one from here on. */
  constructor(stores: Pick<Stores, 'open'>, path: string, store: KeyValueStore, onFull: OnFull) {
    this.#stores = stores
    this.#path = path
    this.#store = store
    this.#onFull = onFull
  }

  async batch(operations: readonly StoreOperation[], options: { sync: boolean }): Promise<void> {
    for (;;) {
      try {
        if (this.#wedged) await this.#reopen()
        await this.#store.batch(operations, options)
        return
      } catch (error) {
        if (!isMillraceError(error, 'MR_DISK_FULL')) throw error
        this.#wedged = true
        await this.#onFull(error)
      }
    }
  }

  async #reopen(): Promise<void> {
    if (!this.#closed) await this.#store.close()
    this.#closed = true
    this.#store = await this.#stores.open(this.#path, { create: false })
    this.#closed = false
    this.#wedged = false
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#store.get(key)
  }

  entries(range?: {
    from?: string
    to?: string
  }): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    return this.#store.entries(range)
  }

  close(): Promise<void> {
    return this.#store.close()
  }
}
