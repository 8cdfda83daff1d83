/**
 * Makes the entries of one store those of the other.
 *
 * Batches are bounded and synced, the roots go last: a crash in between leaves a store whose
 * entries are not those of its root, which the next open finds damaged and rebuilds. It is never
 * served.
 */
import { isMillraceError, MillraceError } from '../src/base/errors.ts'
import type { KeyValueStore, StoreOperation } from '../src/host/host.ts'
import { encodeRoot, rootKey, type Root } from './root.ts'
import { contributionOf, sameContribution, type Contribution } from './set-digest.ts'
import { unwrapValue } from './wrapped-value.ts'

/** Bytes of one batch, unless a single value is larger. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024

export interface Verified {
  readonly store: KeyValueStore
  readonly newest: Root
  readonly older: Root | undefined
  readonly live: ReadonlyMap<string, Contribution>
}

/** The store to be mended, with what of it is known to be good (nothing, for a fresh one). */
export interface Mendable {
  readonly store: KeyValueStore
  readonly roots: readonly Root[]
  readonly live: ReadonlyMap<string, Contribution>
}

export interface Mended {
  readonly entries: number
  readonly bytes: number
}

/**
 * Throws `MR_CHECKPOINT_DAMAGED` when the good store does not give what it gave when it was
 * verified.
 */
export async function mend(good: Verified, bad: Mendable): Promise<Mended> {
  const batch = new Batch(bad.store)
  let entries = 0
  let bytes = 0
  for (const key of bad.live.keys()) {
    if (!good.live.has(key)) await batch.add({ kind: 'delete', key })
  }
  for (const [key, entry] of good.live) {
    if (sameContribution(entry, bad.live.get(key))) continue
    const value = await verifiedValue(good.store, key, entry)
    await batch.add({ kind: 'put', key, value })
    entries += 1
    bytes += value.length
  }
  const roots = good.older === undefined ? [good.newest] : [good.older, good.newest]
  for (const { number } of bad.roots) {
    if (!roots.some((root) => root.number === number)) {
      await batch.add({ kind: 'delete', key: rootKey(number) })
    }
  }
  for (const root of roots) {
    await batch.add({ kind: 'put', key: rootKey(root.number), value: encodeRoot(root) })
  }
  await batch.flush()
  return { entries, bytes }
}

class Batch {
  readonly #store: KeyValueStore
  #operations: StoreOperation[] = []
  #bytes = 0

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  async add(operation: StoreOperation): Promise<void> {
    const bytes = operation.key.length + (operation.kind === 'put' ? operation.value.length : 0)
    if (this.#bytes + bytes > BATCH_BYTES_MAX) await this.flush()
    this.#operations.push(operation)
    this.#bytes += bytes
  }

  async flush(): Promise<void> {
    if (this.#operations.length === 0) return
    await this.#store.batch(this.#operations, { sync: true })
    this.#operations = []
    this.#bytes = 0
  }
}

async function verifiedValue(
  store: KeyValueStore,
  key: string,
  entry: Contribution,
): Promise<Uint8Array> {
  let wrapped: Uint8Array | undefined
  let cause: unknown
  try {
    wrapped = await store.get(key)
  } catch (error) {
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    cause = error
  }
  const good =
    wrapped !== undefined &&
    unwrapValue(key, wrapped) !== undefined &&
    sameContribution(contributionOf(key, wrapped), entry)
  if (wrapped !== undefined && good) return wrapped
  const text = `the entry '${key}' was good a moment ago and is not any more`
  throw new MillraceError('MR_CHECKPOINT_DAMAGED', text, { cause })
}
