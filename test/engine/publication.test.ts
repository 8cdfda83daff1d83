/** Publication that fails: held for all to see, tried again, given up only at a stop. */
import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { publishAll } from '../../src/engine/publication.ts'
import { DEFAULT_SETTINGS, SILENT } from '../../src/engine/settings.ts'
import type { StagedOutput } from '../../src/engine/staged-output.ts'
import type { BlockedBatch } from '../../src/engine/status.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'

const staged = (uid: string): StagedOutput => ({
  ...{ outputId: 0, uid, kind: 'textFiles', parameters: {}, time: 1000, attempt: 1, parts: [] },
})

/** Publishes `a`, then `b`, whose publication fails as often as `errors` says. */
function world(errors: Error[]) {
  const clock = new ManualClock(5000)
  const stop = new AbortController()
  const done: string[] = []
  const held: (BlockedBatch | undefined)[] = []
  const publish = (output: StagedOutput): Promise<void> => {
    const error = output.uid === 'b' ? errors.shift() : undefined
    if (error !== undefined) return Promise.reject(error)
    done.push(output.uid)
    return Promise.resolve()
  }
  const parts = { clock, settings: DEFAULT_SETTINGS, publisher: { publish }, log: SILENT }
  const result = publishAll(parts, [staged('a'), staged('b')], stop.signal, (why) => {
    held.push(why)
  })
  return { clock, stop, done, held, result }
}

const occupied = new MillraceError('MR_OUTPUT_FAILED', 'the place is taken')

describe('publication', () => {
  it('says why a batch is held while it fails, and that it no longer is', async () => {
    const { clock, done, held, result } = world([occupied, occupied])
    await clock.advance(1000)
    expect(await result).toBe('published')
    expect(done).toEqual(['a', 'b'])
    expect(held.map((why) => why?.attempts)).toEqual([1, 2, undefined])
    expect(held[0]).toMatchObject({ time: 1000, code: 'MR_OUTPUT_FAILED', since: 5000 })
    expect(held[0]?.message).toContain("output 'b' cannot be published: the place is taken")
  })

  it('is given up at a stop, for the next start to do', async () => {
    const { clock, done, result, stop } = world(Array.from({ length: 100 }, () => occupied))
    await clock.advance(60_000)
    stop.abort()
    expect(await result).toBe('stopped')
    expect(done).toEqual(['a'])
  })

  it('throws what no second try can help', async () => {
    const lost = new MillraceError('MR_STAGED_OUTPUT_LOST', 'gone')
    await expect(world([lost]).result).rejects.toBe(lost)
    await expect(world([new TypeError('a defect')]).result).rejects.toThrow('a defect')
  })
})
