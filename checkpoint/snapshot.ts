/**
 * The checkpoint as it stands at one commit, readable while later ones are made: LevelDB's
 * iterators see the store as it was when they were begun.
 *
 * Invariant: what is handed out is exactly the live entries of the root and the root records, each
 * verified, from whichever store still has it; the roots come last.
 */
import { isMillraceError, MillraceError } from '../src/base/errors.ts'
import type { KeyValueStore, StoreOperation } from '../src/host/host.ts'
import { encodeRoot, readRoot, ROOT_PREFIX, rootKey, type Root } from './root.ts'
import { contributionOf, sameContribution, type Contribution } from './set-digest.ts'
import { unwrapValue } from './wrapped-value.ts'

export type Put = Extract<StoreOperation, { kind: 'put' }>

export interface CheckpointSnapshot {
  readonly root: Root
  /** Entries without the roots, and the bytes of their values as they lie in a store. */
  readonly entries: number
  readonly bytes: number
  /**
   * What a fresh store has to hold. To be read once. Throws `MR_CHECKPOINT_DAMAGED` when neither
   * store has an entry any more.
   */
  puts(): AsyncIterable<Put>
}

type Entries = AsyncIterator<readonly [key: string, value: Uint8Array]>

/** No commit may run until it resolves; later ones do not matter. */
export async function snapshotOf(
  stores: readonly KeyValueStore[],
  root: Root,
  live: ReadonlyMap<string, Contribution>,
): Promise<CheckpointSnapshot> {
  const begun: Begun[] = []
  for (const store of stores) begun.push(await begin(store))
  const wanted = new Map(live)
  let bytes = 0
  for (const entry of wanted.values()) bytes += entry.bytes
  return { root, entries: wanted.size, bytes, puts: () => putsOf(begun, root, wanted) }
}

interface Begun {
  readonly entries: Entries
  /** The first step, which has made the iterator see this moment. */
  readonly first: IteratorResult<readonly [string, Uint8Array], unknown> | undefined
}

async function begin(store: KeyValueStore): Promise<Begun> {
  const entries = store.entries()[Symbol.asyncIterator]()
  try {
    return { entries, first: await entries.next() }
  } catch (error) {
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    return { entries, first: undefined }
  }
}

async function* putsOf(
  begun: readonly Begun[],
  root: Root,
  wanted: Map<string, Contribution>,
): AsyncGenerator<Put> {
  let older: Root | undefined
  try {
    for (const side of begun) {
      for await (const [key, value] of all(side)) {
        if (key.startsWith(ROOT_PREFIX)) {
          const read = readRoot(key, value)
          if (read.kind === 'root' && read.root.number === root.number - 1) older = read.root
          continue
        }
        const entry = wanted.get(key)
        if (entry === undefined || unwrapValue(key, value) === undefined) continue
        if (!sameContribution(contributionOf(key, value), entry)) continue
        wanted.delete(key)
        yield { kind: 'put', key, value }
      }
      if (wanted.size === 0 && (older !== undefined || root.number === 0)) break
    }
  } finally {
    for (const { entries } of begun) await entries.return?.()
  }
  for (const key of wanted.keys()) throw gone(`the entry '${key}'`)
  if (older === undefined && root.number > 0) throw gone('the root before the newest')
  for (const kept of older === undefined ? [root] : [older, root]) {
    yield { kind: 'put', key: rootKey(kept.number), value: encodeRoot(kept) }
  }
}

const gone = (what: string): MillraceError =>
  new MillraceError('MR_CHECKPOINT_DAMAGED', `both stores lost ${what}`)

async function* all({
  entries,
  first,
}: Begun): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
  try {
    for (let step = first; step !== undefined && step.done !== true; step = await entries.next()) {
      yield step.value
    }
  } catch (error) {
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
  }
}
