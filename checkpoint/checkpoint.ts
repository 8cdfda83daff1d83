/**
 * The checkpoint: two stores that hold the same entries, of which every commit is one synced batch
 * in each.
 *
 * Invariants:
 *   - a commit is one synced batch in each store, root record included, and counts when both are
 *     synced
 *   - `#live` describes exactly the entries of the newest root, in both stores
 *   - after a failed commit nothing is committed any more: which stores hold it only a reopen can
 *     tell
 * A crash during a commit leaves each store before it or after it; the next open takes the newer
 * one and mends the other.
 */
import { assert, present } from '../src/base/assert.ts'
import { isMillraceError, MillraceError, messageOf } from '../src/base/errors.ts'
import type { Host, KeyValueStore, StoreOperation } from '../src/host/host.ts'
import { openStores, type CheckpointReport, type OpenCheckpointOptions } from './open-stores.ts'
import { PatientStore } from './patient-store.ts'
import { encodeRoot, ROOT_PREFIX, rootKey, withDigest, type Root } from './root.ts'
import { storeDirectory, type StoreName } from './store-directory.ts'
import { added, contributionOf, removed, sameContribution } from './set-digest.ts'
import type { Contribution, SetDigest } from './set-digest.ts'
import { snapshotOf, type CheckpointSnapshot } from './snapshot.ts'
import { unwrapValue, wrapValue } from './wrapped-value.ts'

export interface CommitInput {
  /** Batch time in milliseconds. */
  readonly time: number
  readonly epoch: number
  /** Position of the log that is proven durable. */
  readonly logPosition: number
  /** No key twice, neither here nor among the deletes; none begins with `root/`. */
  readonly puts: readonly { readonly key: string; readonly value: Uint8Array }[]
  /** Keys that are not there are fine. */
  readonly deletes: readonly string[]
}

export interface Checkpoint {
  /** The newest commit. */
  readonly root: Root
  /** Values that one store had lost or damaged and the other still had, since it was opened. */
  readonly damagedReads: number
  /** Live entries, and the bytes of their values in one store. */
  readonly size: { readonly entries: number; readonly bytes: number }
  /**
   * Makes commit `root.number + 1`: all of the input or nothing. One at a time. Waits where a disk
   * is full, when the checkpoint was opened with `onFull`. Fails with `MR_CHECKPOINT_FAILED`, after
   * which the outcome is unknown and every further commit fails too: only opening again decides.
   */
  commit(input: CommitInput): Promise<Root>
  /**
   * The value as committed, verified; undefined when there is none. `MR_CHECKPOINT_DAMAGED` when
   * both stores lost it.
   */
  get(key: string): Promise<Uint8Array | undefined>
  /**
   * Entries whose key begins with `prefix`, in key order unless a store is damaged. No commit may
   * run meanwhile.
   */
  entries(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>
  /** The newest commit, readable while later ones are made. Waits for one under way. */
  snapshot(): Promise<CheckpointSnapshot>
  /** Waits for a commit under way. Throws an AggregateError of what went wrong. */
  close(): Promise<void>
}

/**
 * Opens the checkpoint of a data directory and mends it where one store is damaged, behind or
 * missing (the report says so). Throws `MR_CHECKPOINT_DAMAGED` (neither store can be used, or they
 * contradict each other; nothing was touched), `MR_DIRECTORY_FOREIGN`, `MR_DIRECTORY_NEWER`,
 * `MR_DIRECTORY_OWNED`, `MR_DISK_FULL` and `MR_CHECKPOINT_FAILED` (no rights …).
 */
export async function openCheckpoint(
  host: Pick<Host, 'fs' | 'stores'>,
  options: OpenCheckpointOptions,
): Promise<{ checkpoint: Checkpoint; report: CheckpointReport }> {
  const { stores, root, live, report } = await openStores(host, options)
  const { directory, onFull } = options
  const patient = (store: KeyValueStore, name: StoreName): KeyValueStore =>
    onFull === undefined
      ? store
      : new PatientStore(host.stores, storeDirectory(directory, name).path, store, onFull)
  const pair = [patient(stores[0], 'checkpoint-a'), patient(stores[1], 'checkpoint-b')] as const
  return { checkpoint: new StorePair(pair, root, live), report }
}

interface Change {
  readonly root: Root
  readonly operations: readonly StoreOperation[]
  readonly live: readonly (readonly [key: string, entry: Contribution | undefined])[]
}

class StorePair implements Checkpoint {
  readonly #stores: readonly [KeyValueStore, KeyValueStore]
  readonly #live: Map<string, Contribution>
  #root: Root
  #bytes = 0
  #damagedReads = 0
  #committing: Promise<void> | undefined
  #failure: MillraceError | undefined
  #closing: Promise<void> | undefined

  /** Both stores hold exactly `live` and the roots up to `root`. */
  constructor(
    stores: readonly [KeyValueStore, KeyValueStore],
    root: Root,
    live: ReadonlyMap<string, Contribution>,
  ) {
    assert(root.set.entries === live.size, 'the root counts the live entries')
    this.#stores = stores
    this.#root = root
    this.#live = new Map(live)
    for (const { bytes } of live.values()) this.#bytes += bytes
  }

  get root(): Root {
    return this.#root
  }

  get damagedReads(): number {
    return this.#damagedReads
  }

  get size(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#live.size, bytes: this.#bytes }
  }

  async commit(input: CommitInput): Promise<Root> {
    assert(this.#committing === undefined, 'one commit at a time')
    if (this.#closing !== undefined) {
      throw new MillraceError('MR_STATE_INVALID', 'the checkpoint is closed')
    }
    if (this.#failure !== undefined) {
      const text = 'an earlier commit failed: the checkpoint must be opened again'
      throw new MillraceError('MR_CHECKPOINT_FAILED', text, { cause: this.#failure })
    }
    const change = this.#plan(input)
    this.#committing = this.#write(change)
    try {
      await this.#committing
    } finally {
      this.#committing = undefined
    }
    return change.root
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    for (;;) {
      // A commit under way may be in a store already: what it put there counts only when it is
      // done.
      await this.#committing?.catch(ignoredHere)
      const root = this.#root
      const entry = this.#live.get(key)
      if (entry === undefined) return undefined
      const value = await this.#readEither(key, entry)
      if (value !== undefined) return value
      if (root !== this.#root || this.#committing !== undefined) continue
      throw new MillraceError('MR_CHECKPOINT_DAMAGED', `both stores lost the entry '${key}'`)
    }
  }

  async *entries(prefix: string): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    const root = this.#root
    const served = new Set<string>()
    try {
      for await (const [key, wrapped] of this.#stores[0].entries({ from: prefix })) {
        assert(root === this.#root, 'no commit while entries are read')
        if (!key.startsWith(prefix)) break
        const value = goodValue(key, wrapped, this.#live.get(key))
        if (value === undefined) continue
        served.add(key)
        yield [key, value]
      }
    } catch (error) {
      if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    }
    const lost = [...this.#live.keys()].filter((key) => key.startsWith(prefix) && !served.has(key))
    for (const key of lost) yield [key, present(await this.get(key), 'a live entry')]
    assert(root === this.#root, 'no commit while entries are read')
  }

  async snapshot(): Promise<CheckpointSnapshot> {
    await this.#committing?.catch(ignoredHere)
    return await snapshotOf(this.#stores, this.#root, this.#live)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#committing?.catch(ignoredHere)
    const closed = await Promise.allSettled(this.#stores.map((store) => store.close()))
    const errors = closed.flatMap((result): unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    )
    if (errors.length > 0) throw new AggregateError(errors, 'closing the checkpoint failed')
  }

  #plan(input: CommitInput): Change {
    const before = this.#root
    const number = before.number + 1
    const seen = new Set<string>()
    const operations: StoreOperation[] = []
    const live: (readonly [string, Contribution | undefined])[] = []
    let set: SetDigest = before.set
    const change = (key: string, entry: Contribution | undefined): void => {
      assert(!key.startsWith(ROOT_PREFIX), 'roots are the checkpoint’s own')
      assert(!seen.has(key), `one change a key and commit: ${key}`)
      seen.add(key)
      const old = this.#live.get(key)
      if (old !== undefined) set = removed(set, old)
      if (entry !== undefined) set = added(set, entry)
      live.push([key, entry])
    }
    for (const key of input.deletes) {
      change(key, undefined)
      operations.push({ kind: 'delete', key })
    }
    for (const { key, value } of input.puts) {
      const wrapped = wrapValue(key, number, value)
      change(key, contributionOf(key, wrapped))
      operations.push({ kind: 'put', key, value: wrapped })
    }
    const { time, epoch, logPosition } = input
    const { identity, digest } = before
    const root = withDigest({ number, time, epoch, logPosition, identity, set, previous: digest })
    operations.push({ kind: 'put', key: rootKey(number), value: encodeRoot(root) })
    if (number >= 2) operations.push({ kind: 'delete', key: rootKey(number - 2) })
    return { root, operations, live }
  }

  async #write({ root, operations, live }: Change): Promise<void> {
    const written = await Promise.allSettled(
      this.#stores.map((store) => store.batch(operations, { sync: true })),
    )
    const errors = written.flatMap((result): unknown[] =>
      result.status === 'rejected' ? [result.reason] : [],
    )
    if (errors.length > 0) {
      const why = errors.map(messageOf).join('; ')
      const where = errors.length === 2 ? 'both stores' : 'one store'
      this.#failure = new MillraceError(
        'MR_CHECKPOINT_FAILED',
        `commit ${String(root.number)} failed in ${where}: ${why}`,
        { cause: errors.length === 1 ? errors[0] : new AggregateError(errors) },
      )
      throw this.#failure
    }
    for (const [key, entry] of live) {
      this.#bytes += (entry?.bytes ?? 0) - (this.#live.get(key)?.bytes ?? 0)
      if (entry === undefined) this.#live.delete(key)
      else this.#live.set(key, entry)
    }
    assert(this.#live.size === root.set.entries, 'the root counts the live entries')
    this.#root = root
  }

  async #readEither(key: string, entry: Contribution): Promise<Uint8Array | undefined> {
    const [first, second] = this.#stores
    const value = await goodRead(first, key, entry)
    if (value !== undefined) return value
    const spare = await goodRead(second, key, entry)
    if (spare !== undefined) this.#damagedReads += 1
    return spare
  }
}

/** Whoever made the commit is told of its failure; who only waits for its end is not. */
const ignoredHere = (): undefined => undefined

async function goodRead(
  store: KeyValueStore,
  key: string,
  entry: Contribution,
): Promise<Uint8Array | undefined> {
  try {
    const wrapped = await store.get(key)
    return wrapped === undefined ? undefined : goodValue(key, wrapped, entry)
  } catch (error) {
    if (isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) return undefined
    throw error
  }
}

/** The value if it is the newest one: a right checksum alone could be an older value's. */
function goodValue(
  key: string,
  wrapped: Uint8Array,
  entry: Contribution | undefined,
): Uint8Array | undefined {
  const value = unwrapValue(key, wrapped)
  return value !== undefined && sameContribution(contributionOf(key, wrapped), entry)
    ? value
    : undefined
}
