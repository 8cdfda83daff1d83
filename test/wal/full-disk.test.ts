/** A disk without room, at every write of a log that goes through several segments. */
import { describe, expect, it } from 'vitest'

import { MillraceError } from '../../src/base/errors.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { type Effect, watched } from './effects.ts'
import { entryOf, failureOf, open } from './support.ts'

const TEXTS = Array.from({ length: 12 }, (_, i) => `${String(i)}:`.padEnd(4000, 'x'))
const WRITES: ReadonlySet<Effect> = new Set([
  'create',
  'truncate',
  'rename',
  'append',
  'appendSync',
])

const noRoom = (code: string): Error => Object.assign(new Error(code), { code })

/** Refuses the writes numbered `from` to `until` (exclusive). */
function full(from: number, until: number, code = 'ENOSPC') {
  const counted = { writes: 0 }
  const fs = new MemoryFileSystem()
  const host = watched(fs, {
    before: (effect) => {
      if (!WRITES.has(effect)) return
      const n = counted.writes++
      if (n >= from && n < until) throw noRoom(code)
    },
  })
  return { fs, host, counted }
}

async function fill(host: ReturnType<typeof full>['host'], onFull: () => Promise<void>) {
  const { log } = await open(host, { onFull })
  for (const text of TEXTS) await log.append(entryOf(text))
  await log.close()
}

describe('a full disk', () => {
  it('delays whichever write meets it, and nothing is lost or doubled', async () => {
    const quiet = full(Infinity, Infinity)
    await fill(quiet.host, () => Promise.reject(new Error('there was room')))
    expect(quiet.counted.writes).toBeGreaterThan(20)
    for (let at = 0; at < quiet.counted.writes; at++) {
      const disk = full(at, at + 3, at % 2 === 0 ? 'ENOSPC' : 'MR_SHORT_WRITE')
      let waits = 0
      await fill(disk.host, () => {
        waits += 1
        return Promise.resolve()
      })
      expect(waits, `at write ${String(at)}`).toBeGreaterThan(0)
      const again = await open(disk.fs)
      expect(again.applied, `at write ${String(at)}`).toEqual(TEXTS)
      await again.log.close()
    }
  })

  it('ends the log where a sync finds no room: what the disk holds then is unknown', async () => {
    const fs = new MemoryFileSystem()
    let refused = 0
    const host = watched(fs, {
      before: (effect) => {
        if (effect !== 'appendSync' || refused++ < 3) return
        if (refused === 4) throw noRoom('ENOSPC')
        throw new MillraceError('MR_LOG_FAILED', 'an earlier sync failed: no space left on device')
      },
    })
    const given = await failureOf(fill(host, () => Promise.resolve()))
    expect(given).toMatchObject({ code: 'MR_LOG_FAILED' })
  })

  it('ends the log when nobody waits any longer, and when the disk fails otherwise', async () => {
    const stopped = full(6, Infinity)
    const given = await failureOf(fill(stopped.host, () => Promise.reject(new Error('stopping'))))
    expect(given).toMatchObject({ code: 'MR_LOG_FAILED' })
    const broken = full(6, Infinity, 'EIO')
    expect(await failureOf(fill(broken.host, () => Promise.resolve()))).toMatchObject({
      code: 'MR_LOG_FAILED',
    })
  })
})
