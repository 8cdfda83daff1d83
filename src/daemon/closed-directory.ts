/**
 * Work on a data directory that no server runs on: it is owned for as long as the work takes. One
 * that cannot be written has no owner to fear, and is looked at through copies of its stores.
 */
import { resolve } from 'node:path'
import { scanLog } from '../../wal/scan.ts'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { verifyCheckpoint } from '../../checkpoint/verify.ts'
import { equalBytes } from '../base/bytes.ts'
import { MillraceError, isMillraceError } from '../base/errors.ts'
import { directoryLayout, examineDirectory } from '../engine/directory.ts'
import { announcedOwner, ownDirectory } from '../engine/ownership.ts'
import type { Ownership } from '../engine/ownership.ts'
import { decodeEvent } from '../blocks/events.ts'
import { Tracker } from '../blocks/tracker.ts'
import { readIdentity } from '../engine/identity.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { withStoresAside } from './stores-aside.ts'

/**
 * Runs `work` as the owner, on the host it is handed. Throws `MR_DIRECTORY_OWNED` beside a live
 * server, `MR_CONFIG_INVALID` where there is no data directory, and what `examineDirectory` throws.
 */
export async function withOwnedDirectory<T>(
  shell: Pick<Shell, 'workingDirectory'>,
  host: Host,
  given: string,
  work: (directory: string, host: Host) => Promise<T>,
): Promise<T> {
  const directory = resolve(shell.workingDirectory, given)
  const state = await examineDirectory(host.fs, directory)
  if (state.kind !== 'identified') {
    const why =
      state.kind === 'begun'
        ? 'holds a first start that was broken off; nothing was stored, the next start begins again'
        : 'is no data directory: nothing is there'
    throw new MillraceError('MR_CONFIG_INVALID', `${directory} ${why}`)
  }
  const ownership = await ownUnlessReadOnly(host, directory)
  if (ownership === undefined) {
    return await withStoresAside(host, directory, (reading) => work(directory, reading))
  }
  try {
    return await work(directory, host)
  } finally {
    await ownership.release()
  }
}

/** Undefined where the directory cannot be written; a server with more rights may still own it. */
async function ownUnlessReadOnly(host: Host, directory: string): Promise<Ownership | undefined> {
  try {
    return await ownDirectory(host, directory)
  } catch (error) {
    if (!isMillraceError(error, 'MR_DIRECTORY_READ_ONLY')) throw error
    const { announcement } = directoryLayout(directory)
    if ((await host.announcements?.isFresh(announcement)) !== true) return undefined
    const owner = await announcedOwner(host, directory)
    throw new MillraceError(
      'MR_DIRECTORY_OWNED',
      `${directory} cannot be written, and process ${String(owner?.pid ?? 'unknown')} says that ` +
        'it uses it: stop that one first',
      { cause: error, details: { directory, ...owner } },
    )
  }
}

/**
 * What the log of a directory has waiting, folded without opening it. Throws what damage it meets.
 * The caller owns the directory.
 */
export async function foldLog(
  host: Pick<Host, 'fs'>,
  directory: string,
  root: { readonly identity: Uint8Array; readonly logPosition: number },
): Promise<Tracker> {
  const tracker = new Tracker()
  const { identity, logPosition: provenDurable } = root
  const { log } = directoryLayout(directory)
  for await (const event of scanLog(host.fs, log, { identity, provenDurable })) {
    if (event.kind === 'damage') throw event.error
    if (event.kind !== 'group') continue
    for (const { kind, payload, ref } of event.records) {
      tracker.apply(decodeEvent(kind, payload), ref)
    }
  }
  return tracker
}

/**
 * Reads from the checkpoint without mending it: undefined where it would have to be mended first.
 * The caller owns the directory.
 */
export async function readCheckpoint<T>(
  host: Host,
  directory: string,
  read: (checkpoint: Checkpoint) => Promise<T>,
): Promise<T | undefined> {
  const [a, b] = await verifyCheckpoint(host, directory)
  if (a.problems.length > 0 || b.problems.length > 0) return undefined
  if (a.root === undefined || b.root === undefined) return undefined
  if (!equalBytes(a.root.digest, b.root.digest)) return undefined
  const { id } = await readIdentity(host.fs, directory)
  const { checkpoint } = await openCheckpoint(host, {
    directory,
    identity: new Uint8Array(Buffer.from(id, 'hex')),
    create: false,
  })
  try {
    return await read(checkpoint)
  } finally {
    await checkpoint.close()
  }
}
