/**
 * Announcements by proper-lockfile: a directory `<path>.lock` whose time is renewed while the owner
 * lives.
 */
import { rm } from 'node:fs/promises'
import type { Announcements } from './host.ts'

/** An announcement older than this is of a process that ended or hangs. */
const FRESH_MS = 10_000

export const nodeAnnouncements: Announcements = { announce, isFresh }

/** Loaded by those who announce: it listens for signals from its first use on. */
const load = () => import('proper-lockfile')

async function announce(path: string): Promise<() => Promise<void>> {
  // The caller owns the path already, so whoever announced before is gone: no waiting until it is
  // stale.
  await rm(`${path}.lock`, { recursive: true, force: true })
  const { default: lockfile } = await load()
  let lost = false
  const release = await lockfile.lock(path, {
    realpath: false,
    stale: FRESH_MS,
    // A process that was stopped for long and woke finds its announcement taken: LevelDB's lock has
    // decided.
    onCompromised: () => {
      lost = true
    },
  })
  return async () => {
    if (!lost) await release()
  }
}

async function isFresh(path: string): Promise<boolean> {
  const { default: lockfile } = await load()
  return await lockfile.check(path, { realpath: false, stale: FRESH_MS })
}
