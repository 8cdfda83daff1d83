/**
 * Opens the two stores of a checkpoint: verifies both completely, lets the newest verified root
 * win, mends the other store, and only then hands anything out.
 *
 * Invariants:
 *   - nothing is created but on a proven first start, nothing is reset, and a store is only rebuilt
 *     after it was set aside
 *   - when the checkpoint is refused, both directories hold the files they held before
 * A crash at any line leaves a winner that is untouched and another store that is older, set aside,
 * or half rebuilt (which its root does not verify): the next open starts over and ends the same.
 * The caller owns the data directory.
 */
import { present } from '../src/base/assert.ts'
import type { KeyValueStore } from '../src/host/host.ts'
import { decide, type GoodStore, type Loser } from './decide.ts'
import { mend, type Mendable } from './mend.ts'
import { openSide, undo, type OpenHost, type Side } from './open-side.ts'
import type { OnFull } from './patient-store.ts'
import { encodeRoot, firstRoot, rootKey, type Root } from './root.ts'
import { forgetKept, setAside, storeDirectory, type StoreName } from './store-directory.ts'
import type { Contribution } from './set-digest.ts'

export interface OpenCheckpointOptions {
  /** Holds `checkpoint-a` and `checkpoint-b`. Owned by the caller. */
  readonly directory: string
  /** 16 bytes that name the data directory. */
  readonly identity: Uint8Array
  /**
   * Only on a proven first start: two missing or empty stores are then a fresh checkpoint, with
   * root 0.
   */
  readonly create: boolean
  /** Entries verified so far, in both stores, of how many. */
  onProgress?(done: number, total: number): void
  /**
   * Called when both stores have been read, before anything is changed for good. What it rejects
   * with refuses the checkpoint, whose files are as before then.
   */
  approve?(found: Approval): Promise<void>
  /**
   * A commit found no room: resolves when it should be tried again, rejects to give up. Without it
   * the commit fails.
   */
  onFull?: OnFull
}

export interface Approval {
  /** What the checkpoint will be opened at. */
  readonly root: Root
  /** Every position of the log below is proven durable by a root of either store. */
  readonly proven: number
}

export interface StoreReport {
  readonly name: StoreName
  /** As it was found. */
  readonly state: 'ok' | 'behind' | 'damaged' | 'missing'
  /** Sentences that say what is damaged or how far behind it was; empty when it is ok. */
  readonly why: readonly string[]
  /** What it took to make it equal to the other. */
  readonly mended?: { readonly entries: number; readonly bytes: number }
  /** Where the damaged one was moved. */
  readonly aside?: string
}

export interface CheckpointReport {
  /** A new checkpoint was made. */
  readonly fresh: boolean
  /** Whose root won; where both are equal, the first. */
  readonly winner: StoreName
  readonly root: Root
  readonly stores: readonly [StoreReport, StoreReport]
}

/** Both stores, which hold exactly `live` and the roots up to `root`. */
export interface OpenStores {
  readonly stores: readonly [KeyValueStore, KeyValueStore]
  readonly root: Root
  readonly live: ReadonlyMap<string, Contribution>
  readonly report: CheckpointReport
}

/**
 * Throws `MR_CHECKPOINT_DAMAGED` (both stores damaged, or they contradict each other),
 * `MR_DIRECTORY_FOREIGN`, `MR_DIRECTORY_NEWER`, `MR_DIRECTORY_OWNED` and `MR_CHECKPOINT_FAILED`
 * (disk full, no rights …).
 */
export async function openStores(
  host: OpenHost,
  options: OpenCheckpointOptions,
): Promise<OpenStores> {
  await host.fs.makeDirectory(options.directory)
  const sides = await openSides(host, options)
  try {
    const verdict = decide(sides[0].found, sides[1].found, options.create)
    if (verdict.kind !== 'refused') {
      const root = verdict.kind === 'fresh' ? firstRoot(options.identity) : verdict.winner.newest
      await options.approve?.({ root, proven: Math.max(sides[0].proven, sides[1].proven) })
    }
    switch (verdict.kind) {
      case 'refused':
        throw verdict.error
      case 'fresh':
        return await startFresh(host, options, sides)
      case 'winner':
        return await settle(host, options, sides, verdict.winner, verdict.loser)
    }
  } catch (error) {
    throw await undo(host, sides, error)
  }
}

async function openSides(
  host: OpenHost,
  options: OpenCheckpointOptions,
): Promise<readonly [Side, Side]> {
  const done = [0, 0]
  const totals = [0, 0]
  const open = (name: StoreName, i: number): Promise<Side> =>
    openSide(host, storeDirectory(options.directory, name), options.create, {
      identity: options.identity,
      onProgress(read, of) {
        done[i] = read
        totals[i] = of
        options.onProgress?.((done[0] ?? 0) + (done[1] ?? 0), (totals[0] ?? 0) + (totals[1] ?? 0))
      },
    })
  const [a, b] = await Promise.allSettled([open('checkpoint-a', 0), open('checkpoint-b', 1)])
  if (a.status === 'fulfilled' && b.status === 'fulfilled') return [a.value, b.value]
  const opened = [a, b].flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []))
  const reason: unknown = a.status === 'rejected' ? a.reason : b.status === 'rejected' && b.reason
  throw await undo(host, opened, reason)
}

async function startFresh(
  host: OpenHost,
  options: OpenCheckpointOptions,
  sides: readonly [Side, Side],
): Promise<OpenStores> {
  const root = firstRoot(options.identity)
  const put = { kind: 'put', key: rootKey(0), value: encodeRoot(root) } as const
  const stores = [opened(sides[0]), opened(sides[1])] as const
  for (const store of stores) await store.batch([put], { sync: true })
  await finish(host, options, sides)
  const made = ({ at }: Side): StoreReport => ({ name: at.name, state: 'missing', why: [] })
  const report = { fresh: true, winner: sides[0].at.name, root }
  return {
    stores,
    root,
    live: new Map(),
    report: { ...report, stores: [made(sides[0]), made(sides[1])] },
  }
}

async function settle(
  host: OpenHost,
  options: OpenCheckpointOptions,
  sides: readonly [Side, Side],
  winner: GoodStore,
  loser: Loser,
): Promise<OpenStores> {
  const [a, b] = sides
  const aWins = a.found === winner
  const good = { ...winner, store: opened(aWins ? a : b) }
  const other = await mendSide(host, aWins ? b : a, loser, good)
  try {
    await finish(host, options, sides)
    const first: StoreReport = { name: winner.name, state: 'ok', why: [] }
    const stores = aWins
      ? ([good.store, other.store] as const)
      : ([other.store, good.store] as const)
    return {
      stores,
      root: winner.newest,
      live: winner.live,
      report: {
        fresh: false,
        winner: winner.name,
        root: winner.newest,
        stores: aWins ? [first, other.report] : [other.report, first],
      },
    }
  } catch (error) {
    await other.store.close()
    throw error
  }
}

/** Makes the losing store equal to the winner. What it opens it closes again when it fails. */
async function mendSide(
  host: OpenHost,
  side: Side,
  loser: Loser,
  good: GoodStore & { readonly store: KeyValueStore },
): Promise<{ readonly store: KeyValueStore; readonly report: StoreReport }> {
  const { at } = side
  const report = { name: at.name, state: loser.state, why: loser.why }
  if (loser.state === 'ok') return { store: opened(side), report }
  if (loser.state === 'behind') {
    const { newest, older, live } = loser.store
    const roots = older === undefined ? [newest] : [older, newest]
    const behind: Mendable = { store: opened(side), roots, live }
    return { store: behind.store, report: { ...report, mended: await mend(good, behind) } }
  }
  await side.store?.close()
  const aside = loser.state === 'damaged' ? { aside: await setAside(host.fs, at) } : {}
  const store = await host.stores.open(at.path, { create: true })
  try {
    const mended = await mend(good, { store, roots: [], live: new Map() })
    return { store, report: { ...report, ...aside, mended } }
  } catch (error) {
    await store.close()
    throw error
  }
}

/**
 * From here on both stores are what counts: their entries in the directory survive, what was kept
 * of before goes.
 */
async function finish(
  host: OpenHost,
  options: OpenCheckpointOptions,
  sides: readonly [Side, Side],
): Promise<void> {
  await host.fs.syncDirectory(options.directory)
  for (const { at } of sides) await forgetKept(host.fs, at)
}

const opened = (side: Side): KeyValueStore => present(side.store, 'an open store')
