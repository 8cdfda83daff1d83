/**
 * Opens one of the two stores so that it can be undone, and finds out what it holds. A crash at any
 * line leaves the files of before the open, in their place or in the `.opening` directory that the
 * next open puts back.
 */
import { isMillraceError } from '../src/base/errors.ts'
import type { Host, KeyValueStore } from '../src/host/host.ts'
import type { Found } from './decide.ts'
import { isEmpty, readStore, type ReadStoreOptions } from './read-store.ts'
import { forgetKept, restore, type StoreDirectory } from './store-directory.ts'

export type OpenHost = Pick<Host, 'fs' | 'stores'>

/** One of the two directories and what was found there; `store` where it could be opened. */
export interface Side {
  readonly at: StoreDirectory
  readonly found: Found
  readonly store: KeyValueStore | undefined
  /** Largest log position that a root in it says is durable, whatever else is damaged there. */
  readonly proven: number
}

/**
 * Throws what is not damage: an owned directory, a newer format, a failing disk.
 */
export async function openSide(
  host: OpenHost,
  at: StoreDirectory,
  create: boolean,
  read: ReadStoreOptions,
): Promise<Side> {
  await restore(host.fs, at)
  const stat = await host.fs.stat(at.path)
  if (stat !== undefined && stat.kind !== 'directory') {
    const why = ['it is not a directory']
    return { at, found: { kind: 'damaged', name: at.name, why }, store: undefined, proven: 0 }
  }
  const names = (await host.fs.list(at.path)) ?? []
  if (names.length === 0 && !create) {
    return { at, found: { kind: 'missing', name: at.name }, store: undefined, proven: 0 }
  }
  let store: KeyValueStore | undefined
  try {
    store = await host.stores.open(at.path, { create, keep: at.keep })
    return { at, store, ...(await inspect(store, at, read)) }
  } catch (error) {
    if (store === undefined && isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) {
      return {
        at,
        found: { kind: 'damaged', name: at.name, why: [error.message] },
        store,
        proven: 0,
      }
    }
    if (store !== undefined && isMillraceError(error, 'MR_DIRECTORY_FOREIGN')) {
      return {
        at,
        found: { kind: 'foreign', name: at.name, why: [error.message] },
        store,
        proven: 0,
      }
    }
    // A store that another process holds must stay in its place.
    if (isMillraceError(error, 'MR_DIRECTORY_OWNED')) {
      await forgetKept(host.fs, at)
      throw error
    }
    throw await undo(host, [{ at, store }], error)
  }
}

async function inspect(
  store: KeyValueStore,
  { name }: StoreDirectory,
  read: ReadStoreOptions,
): Promise<Pick<Side, 'found' | 'proven'>> {
  const contents = await readStore(store, read)
  const { newest, older, live, problems } = contents
  const proven = Math.max(newest?.logPosition ?? 0, older?.logPosition ?? 0)
  if (isEmpty(contents)) return { found: { kind: 'empty', name }, proven }
  if (newest === undefined || problems.length > 0) {
    return { found: { kind: 'damaged', name, why: problems }, proven }
  }
  return { found: { kind: 'ok', name, newest, older, live }, proven }
}

/**
 * Closes the stores and puts their files back as they were. Returns the error to throw, with all
 * that went wrong.
 */
export async function undo(
  host: OpenHost,
  sides: readonly Pick<Side, 'at' | 'store'>[],
  error: unknown,
): Promise<unknown> {
  const errors: unknown[] = []
  for (const { at, store } of sides) {
    try {
      await store?.close()
      await restore(host.fs, at)
    } catch (failed) {
      errors.push(failed)
    }
  }
  if (errors.length === 0) return error
  return new AggregateError([error, ...errors], 'the checkpoint could not be opened, nor closed')
}
