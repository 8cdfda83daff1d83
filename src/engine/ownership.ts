/**
 * Who owns a data directory. LevelDB's own lock on the empty store `owner/` decides: the operating
 * system holds it as long as the process lives, even a stopped one, and frees it at the death of
 * the process. The announcement beside it (who, since when) is only for the message that a second
 * daemon prints: a stale one never delays a start.
 *
 * Invariants: nothing is written into a directory that is not ours; the store `owner/` never holds
 * an entry, so a damaged one is emptied without loss (all but LOCK: the lock of a live owner stays
 * the same file). A crash at any line leaves a store without an owner and perhaps an announcement
 * of a dead process.
 */
import { utf8, utf8Text } from '../base/bytes.ts'
import { MillraceError, isMillraceError } from '../base/errors.ts'
import type { Host, KeyValueStore } from '../host/host.ts'
import { directoryLayout, examineDirectory } from './directory.ts'
import { readIdentity } from './identity.ts'
import { refuseUnwritable } from './unwritable.ts'

export interface Ownership {
  release(): Promise<void>
}

type OwningHost = Pick<Host, 'fs' | 'stores' | 'processes' | 'clock' | 'announcements'>

/**
 * Throws `MR_DIRECTORY_OWNED` naming the announced pid, `MR_DIRECTORY_FOREIGN`,
 * `MR_DIRECTORY_NEWER`, `MR_DIRECTORY_DAMAGED` (before anything was written) or
 * `MR_DIRECTORY_READ_ONLY`.
 */
export async function ownDirectory(
  host: OwningHost,
  directory: string,
  adminUrl?: string,
): Promise<Ownership> {
  const state = await examineDirectory(host.fs, directory)
  if (state.kind === 'identified') await readIdentity(host.fs, directory)
  await refuseUnwritable(directory, () => host.fs.makeDirectory(directory))
  const store = await lockStore(host, directory)
  try {
    const withdraw = await announce(host, directory, adminUrl)
    return { release: () => releaseAll(withdraw, store) }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function releaseAll(withdraw: () => Promise<void>, store: KeyValueStore): Promise<void> {
  const errors: unknown[] = []
  await withdraw().catch((error: unknown) => errors.push(error))
  await store.close().catch((error: unknown) => errors.push(error))
  if (errors.length > 0) throw new AggregateError(errors, 'the data directory was not given back')
}

async function lockStore(host: OwningHost, directory: string): Promise<KeyValueStore> {
  const { owner } = directoryLayout(directory)
  const open = (): Promise<KeyValueStore> =>
    refuseUnwritable(directory, async () => {
      await host.fs.makeDirectory(owner)
      return await host.stores.open(owner, { create: true })
    })
  try {
    return await open()
  } catch (error) {
    if (isMillraceError(error, 'MR_DIRECTORY_OWNED')) throw await owned(host, directory, error)
    if (isMillraceError(error, 'MR_DIRECTORY_READ_ONLY')) throw error
  }
  // It does not open though nobody holds it: it is damaged, and it holds nothing.
  for (const name of (await host.fs.list(owner)) ?? []) {
    if (name !== 'LOCK') await host.fs.remove(`${owner}/${name}`)
  }
  try {
    return await open()
  } catch (error) {
    if (isMillraceError(error, 'MR_DIRECTORY_OWNED')) throw await owned(host, directory, error)
    throw error
  }
}

async function announce(
  host: OwningHost,
  directory: string,
  adminUrl: string | undefined,
): Promise<() => Promise<void>> {
  const { announcement } = directoryLayout(directory)
  const since = new Date(host.clock.now()).toISOString()
  const text = `${JSON.stringify({ pid: host.processes.pid, since, adminUrl })}\n`
  await refuseUnwritable(directory, () => host.fs.writeFileDurably(announcement, utf8(text)))
  const withdraw = await host.announcements?.announce(announcement)
  return async () => {
    await withdraw?.()
    await host.fs.unlink(announcement)
  }
}

async function owned(host: OwningHost, directory: string, cause: unknown): Promise<MillraceError> {
  const owner = await announcedOwner(host, directory)
  const who =
    owner === undefined
      ? 'another process'
      : `process ${String(owner.pid)}${owner.since === undefined ? '' : ` since ${owner.since}`}`
  return new MillraceError(
    'MR_DIRECTORY_OWNED',
    `${directory} is in use by ${who}: stop that one first, or give another directory`,
    { cause, details: { directory, ...owner } },
  )
}

export interface AnnouncedOwner {
  readonly pid: number
  readonly since?: string
  /** Of a server: where its admin API listens. */
  readonly adminUrl?: string
}

/** Who announced to own the directory; undefined when nobody did or the file cannot be read. */
export async function announcedOwner(
  host: Pick<Host, 'fs'>,
  directory: string,
): Promise<AnnouncedOwner | undefined> {
  const { announcement } = directoryLayout(directory)
  if ((await host.fs.stat(announcement)) === undefined) return undefined
  try {
    const value: unknown = JSON.parse(utf8Text(await host.fs.readFile(announcement)))
    if (typeof value !== 'object' || value === null) return undefined
    const said = { pid: undefined, since: undefined, adminUrl: undefined, ...value }
    const { pid, since, adminUrl } = said
    if (typeof pid !== 'number') return undefined
    return {
      pid,
      ...(typeof since === 'string' ? { since } : {}),
      ...(typeof adminUrl === 'string' ? { adminUrl } : {}),
    }
  } catch {
    // It only makes a message friendlier: unreadable is the same as absent.
    return undefined
  }
}
