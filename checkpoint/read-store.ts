/**
 * Reads one store completely and says what it holds and whether that is what its newest root says:
 * every checksum, the set-digest, the count, the chain of the two roots. Values stream by; only a
 * few numbers an entry are kept.
 */
import { equalBytes } from '../src/base/bytes.ts'
import { isMillraceError, MillraceError } from '../src/base/errors.ts'
import type { KeyValueStore } from '../src/host/host.ts'
import { readRoot, ROOT_END, ROOT_PREFIX, type Root } from './root.ts'
import { added, contributionOf, EMPTY_SET, sameSet, type Contribution } from './set-digest.ts'
import { unwrapValue } from './wrapped-value.ts'

/** So many problems of one store are named; the rest is only counted. */
const PROBLEMS_MAX = 20

export interface StoreContents {
  readonly newest: Root | undefined
  /** The root before the newest. */
  readonly older: Root | undefined
  /** Every entry but the roots. */
  readonly live: ReadonlyMap<string, Contribution>
  readonly bytes: number
  /**
   * Sentences; none means that the store is what its newest root says, or has nothing in it at all.
   */
  readonly problems: readonly string[]
}

export const isEmpty = (contents: StoreContents): boolean =>
  contents.newest === undefined && contents.live.size === 0 && contents.problems.length === 0

export interface ReadStoreOptions {
  /** Whose directory this should be; undefined accepts anyone's. */
  readonly identity: Uint8Array | undefined
  /** Called with growing counts of entries; the total is what the newest root says. */
  onProgress?(done: number, total: number): void
}

/**
 * Throws `MR_DIRECTORY_FOREIGN` and `MR_DIRECTORY_NEWER`, and what the store throws where that is
 * not damage. Damage is in the result's problems.
 */
export async function readStore(
  store: KeyValueStore,
  options: ReadStoreOptions,
): Promise<StoreContents> {
  const problems = new Problems()
  const live = new Map<string, Contribution>()
  let roots: Root[] = []
  let bytes = 0
  try {
    roots = await readRoots(store, options.identity, problems)
    const total = roots.at(-1)?.set.entries ?? 0
    let set = EMPTY_SET
    for await (const [key, wrapped] of store.entries()) {
      if (key.startsWith(ROOT_PREFIX)) continue
      bytes += wrapped.length
      if (unwrapValue(key, wrapped) === undefined) problems.add(`entry '${key}': bad checksum`)
      else {
        const contribution = contributionOf(key, wrapped)
        set = added(set, contribution)
        live.set(key, contribution)
      }
      options.onProgress?.(live.size, total)
    }
    const newest = roots.at(-1)
    if (newest !== undefined && !sameSet(set, newest.set)) {
      const found = `${String(set.entries)} good entries`
      const wanted = `the root counts ${String(newest.set.entries)}`
      const commit = String(newest.number)
      problems.add(`the entries are not those of commit ${commit} (${found}, ${wanted})`)
    }
    if (newest === undefined && live.size > 0) problems.add('entries, but no root record')
  } catch (error) {
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    problems.add(error.message)
  }
  return { newest: roots.at(-1), older: roots.at(-2), live, bytes, problems: problems.named() }
}

class Problems {
  readonly #named: string[] = []
  #more = 0

  add(problem: string): void {
    if (this.#named.length < PROBLEMS_MAX) this.#named.push(problem)
    else this.#more += 1
  }

  named(): string[] {
    return this.#more === 0 ? this.#named : [...this.#named, `and ${String(this.#more)} more`]
  }
}

async function readRoots(
  store: KeyValueStore,
  identity: Uint8Array | undefined,
  problems: Problems,
): Promise<Root[]> {
  const roots: Root[] = []
  for await (const [key, bytes] of store.entries({ from: ROOT_PREFIX, to: ROOT_END })) {
    const read = readRoot(key, bytes)
    if (read.kind === 'newer') {
      const version = String(read.version)
      throw new MillraceError('MR_DIRECTORY_NEWER', `the checkpoint has format version ${version}`)
    }
    if (read.kind === 'damaged') {
      problems.add(read.why)
      continue
    }
    if (identity !== undefined && !equalBytes(read.root.identity, identity)) {
      const whose = Buffer.from(read.root.identity).toString('hex')
      throw new MillraceError('MR_DIRECTORY_FOREIGN', `the checkpoint belongs to ${whose}`)
    }
    roots.push(read.root)
  }
  const problem = chainProblem(roots)
  if (problem !== undefined) problems.add(problem)
  return roots
}

function chainProblem(roots: readonly Root[]): string | undefined {
  if (roots.length > 2) return `${String(roots.length)} root records instead of two`
  const newest = roots.at(-1)
  const older = roots.at(-2)
  if (newest === undefined || newest.number === 0) return undefined
  const follows =
    older !== undefined &&
    older.number === newest.number - 1 &&
    equalBytes(newest.previous, older.digest)
  return follows ? undefined : `root ${String(newest.number)} does not follow the root before it`
}
