/** What of the log stays although nothing needs it, and how long its room lasts. */
import { describe, expect, it } from 'vitest'
import { Retention, roomWords } from '../../src/blocks/retention.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { segmentsOf } from '../wal/support.ts'
import { addAll, DIGEST, openStore } from './support.ts'

const HOUR = 3_600_000

describe('retention', () => {
  it('keeps nothing by default', () => {
    expect(new Retention().keptFrom(1000, 5000)).toBe(5000)
  })

  it('keeps bytes before the end', () => {
    expect(new Retention({ bytes: 400, ms: 0 }).keptFrom(1000, 5000)).toBe(4600)
  })

  it('keeps what was written in so long, and all of it while that is not known', () => {
    const retention = new Retention({ bytes: 0, ms: HOUR })
    for (let minute = 0; minute <= 50; minute++) retention.note(minute * 60_000, minute * 100)
    expect(retention.keptFrom(50 * 60_000, 5000)).toBe(0)
    for (let minute = 51; minute <= 600; minute++) retention.note(minute * 60_000, minute * 100)
    const kept = retention.keptFrom(600 * 60_000, 60_000)
    expect(kept).toBeGreaterThan(53_800)
    expect(kept).toBeLessThanOrEqual(54_000)
  })

  it('keeps the more of the two', () => {
    const retention = new Retention({ bytes: 100, ms: HOUR })
    retention.note(0, 1000)
    expect(retention.keptFrom(2 * HOUR, 5000)).toBe(1000)
    expect(retention.keptFrom(2 * HOUR, 1050)).toBe(950)
  })

  it('begins anew when the clock was set back', () => {
    const retention = new Retention({ bytes: 0, ms: HOUR })
    retention.note(10 * HOUR, 1000)
    retention.note(HOUR, 2000)
    expect(retention.keptFrom(HOUR, 2000)).toBe(0)
    expect(retention.keptFrom(2 * HOUR, 3000)).toBe(2000)
  })

  it('tells the rate of the last minutes, and what it means', () => {
    const retention = new Retention()
    retention.note(0, 0)
    expect(retention.rate(500, 10)).toBeUndefined()
    expect(retention.rate(10_000, 1_000_000)).toBe(100_000)
    expect(roomWords(1_100_000_000, 100_000)).toBe(
      'at this rate the log holds 3 h more before receiving pauses',
    )
    expect(roomWords(1000, 0)).toBeUndefined()
    expect(roomWords(1000, undefined)).toBeUndefined()
  })

  it('holds segments back that nothing needs any more', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `${String(n)}.`.padEnd(4000, 'x'))
    const counts: number[] = []
    for (const bytes of [0, 40_000]) {
      const fs = new MemoryFileSystem()
      const { store } = await openStore(fs, { keep: { bytes, ms: 0 } })
      await addAll(store, names)
      await store.allocate(1)
      await store.cleanup(1, 1, DIGEST)
      counts.push((await segmentsOf(fs)).length)
      await store.close()
    }
    const [without = 0, kept = 0] = counts
    expect(without).toBe(1)
    expect(kept).toBeGreaterThan(2)
  })
})
