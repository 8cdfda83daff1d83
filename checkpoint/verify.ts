/**
 * Looks at the checkpoint of a directory nobody has open, for `millrace verify` and `inspect`:
 * nothing is mended.
 *
 * LevelDB cannot read without writing: opening compacts its log into a table and may delete files.
 * So each store is opened with its files kept, and afterwards they are put back; a crash in between
 * leaves them beside the store, and the next open (or verification) puts them back.
 */
import { equalBytes } from '../src/base/bytes.ts'
import { isMillraceError, messageOf } from '../src/base/errors.ts'
import { tooFarBehind } from './decide.ts'
import { undo, type OpenHost } from './open-side.ts'
import { readStore } from './read-store.ts'
import type { Root } from './root.ts'
import { restore, storeDirectory, type StoreDirectory, type StoreName } from './store-directory.ts'

export interface StoreVerification {
  readonly name: StoreName
  readonly root: Root | undefined
  /** Good entries and the bytes of all their values; 0 where the store does not open. */
  readonly entries: number
  readonly bytes: number
  /**
   * In plain words; empty when everything in the store is what its newest root says, and that root
   * is no further behind the other store than a crash leaves it.
   */
  readonly problems: readonly string[]
}

/**
 * Verifies both stores, one after the other. Throws `MR_DIRECTORY_OWNED` while someone has them
 * open. The directory must be the caller's, as for `openCheckpoint`.
 */
export async function verifyCheckpoint(
  host: OpenHost,
  directory: string,
  onProgress?: (done: number, total: number) => void,
): Promise<readonly [StoreVerification, StoreVerification]> {
  const a = await verifyStore(host, storeDirectory(directory, 'checkpoint-a'), onProgress)
  const b = await verifyStore(host, storeDirectory(directory, 'checkpoint-b'), onProgress)
  return [judgedBeside(a, b), judgedBeside(b, a)]
}

/** Only a store without problems, of the same data directory, says where the other should be. */
function judgedBeside(store: StoreVerification, other: StoreVerification): StoreVerification {
  if (store.problems.length > 0 || other.problems.length > 0) return store
  if (store.root === undefined || other.root === undefined) return store
  if (!equalBytes(store.root.identity, other.root.identity)) return store
  const far = tooFarBehind(other.root, store.root)
  return far === undefined ? store : { ...store, problems: [far] }
}

async function verifyStore(
  host: OpenHost,
  at: StoreDirectory,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<StoreVerification> {
  await restore(host.fs, at)
  const stat = await host.fs.stat(at.path)
  if (stat !== undefined && stat.kind !== 'directory')
    return unreadable(at, 'it is not a directory')
  const names = (await host.fs.list(at.path)) ?? []
  if (names.length === 0) return unreadable(at, 'there is no store')
  let verification: StoreVerification | undefined
  let failure: unknown
  try {
    verification = await openAndRead(host, at, onProgress)
  } catch (error) {
    failure = error
  }
  if (verification !== undefined) {
    await restore(host.fs, at)
    return verification
  }
  const error = isMillraceError(failure, 'MR_DIRECTORY_OWNED')
    ? failure
    : await undo(host, [{ at, store: undefined }], failure)
  const told = isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')
  if (told || isMillraceError(error, 'MR_DIRECTORY_NEWER')) return unreadable(at, messageOf(error))
  throw error
}

async function openAndRead(
  host: OpenHost,
  at: StoreDirectory,
  onProgress: ((done: number, total: number) => void) | undefined,
): Promise<StoreVerification> {
  const store = await host.stores.open(at.path, { create: false, keep: at.keep })
  try {
    const contents = await readStore(store, {
      identity: undefined,
      ...(onProgress === undefined ? {} : { onProgress }),
    })
    const { newest: root, live, bytes, problems } = contents
    const empty = root === undefined && problems.length === 0
    return {
      name: at.name,
      root,
      entries: live.size,
      bytes,
      problems: empty ? ['the store is empty'] : problems,
    }
  } finally {
    await store.close()
  }
}

const unreadable = ({ name }: StoreDirectory, problem: string): StoreVerification => ({
  name,
  root: undefined,
  entries: 0,
  bytes: 0,
  problems: [problem],
})
