/**
 * The directory of one of the two stores, and the ones beside it that protect its files:
 *
 *   checkpoint-a             the store
 *   checkpoint-a.opening     its files before the open that is under way (see `Stores.open`)
 *   checkpoint-a.damaged-7   a store that was found damaged, as it was before it was opened
 *
 * Invariant: while `.opening` exists nothing has been committed or mended since, so putting it back
 * is always right. A crash at any line leaves the store, or `.opening`, or both; `restore` makes of
 * each the state before the open.
 */
import type { FileSystem } from '../src/host/host.ts'

/** So many damaged stores of one name are kept for someone to look at; the oldest goes first. */
const ASIDE_MAX = 3

export type StoreName = 'checkpoint-a' | 'checkpoint-b'

export interface StoreDirectory {
  readonly name: StoreName
  readonly parent: string
  readonly path: string
  readonly keep: string
}

export const storeDirectory = (parent: string, name: StoreName): StoreDirectory => ({
  name,
  parent,
  path: `${parent}/${name}`,
  keep: `${parent}/${name}.opening`,
})

/** Undoes an open that was not finished, if there was one. The store must be closed. */
export async function restore(fs: FileSystem, at: StoreDirectory): Promise<void> {
  if ((await fs.stat(at.keep)) === undefined) return
  await fs.remove(at.path)
  await fs.rename(at.keep, at.path)
  await fs.syncDirectory(at.parent)
}

/** The open is finished: what was kept is no longer what counts. */
export async function forgetKept(fs: FileSystem, at: StoreDirectory): Promise<void> {
  if ((await fs.stat(at.keep)) === undefined) return
  // Renamed first: a half removed `.opening` must never be put back.
  const gone = `${at.keep}.done`
  await fs.remove(gone)
  await fs.rename(at.keep, gone)
  await fs.syncDirectory(at.parent)
  await fs.remove(gone)
}

/**
 * Moves the store, as it was before it was opened, out of the way. Returns its new path. It must be
 * closed.
 */
export async function setAside(fs: FileSystem, at: StoreDirectory): Promise<string> {
  const numbers = await asideNumbers(fs, at)
  const aside = asidePath(at, (numbers.at(-1) ?? 0) + 1)
  await restore(fs, at)
  await fs.rename(at.path, aside)
  await fs.syncDirectory(at.parent)
  const tooMany = numbers.slice(0, Math.max(0, numbers.length + 1 - ASIDE_MAX))
  for (const number of tooMany) await fs.remove(asidePath(at, number))
  return aside
}

const asidePath = (at: StoreDirectory, number: number): string =>
  `${at.path}.damaged-${String(number)}`

async function asideNumbers(fs: FileSystem, at: StoreDirectory): Promise<number[]> {
  const prefix = `${at.name}.damaged-`
  const names = (await fs.list(at.parent)) ?? []
  return names
    .filter((name) => name.startsWith(prefix))
    .map((name) => Number(name.slice(prefix.length)))
    .filter((number) => Number.isSafeInteger(number))
    .sort((a, b) => a - b)
}
