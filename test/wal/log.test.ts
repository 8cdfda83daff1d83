/** What callers of an open log see. */
import { describe, expect, it } from 'vitest'

import { ManualClock } from '../../src/host/manual-clock.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { openLog } from '../../wal/log.ts'
import { watched } from './effects.ts'
import { DIRECTORY, entryOf, failureOf, filesOf, IDENTITY, open } from './support.ts'
import { segmentsOf, SEGMENT_BYTES } from './support.ts'

const texts = (n: number, size = 0): string[] =>
  Array.from({ length: n }, (_, i) => `${String(i)}:`.padEnd(size, 'x'))

describe('append', () => {
  it('gives callers that wait together one group and one sync', async () => {
    const { log } = await open(new MemoryFileSystem())
    const before = log.statistics
    await Promise.all(texts(100).map((text) => log.append(entryOf(text))))
    expect(log.statistics.groups - before.groups).toBe(1)
    expect(log.statistics.syncs - before.syncs).toBe(1)
    expect(log.statistics.records - before.records).toBe(100)
    await log.close()
  })

  it('collects during a sync what goes into the next group', async () => {
    let release = (): void => undefined
    let held = false
    const fs = watched(new MemoryFileSystem(), {
      after: (effect) => {
        if (effect !== 'appendSync' || !held) return undefined
        held = false
        return new Promise<void>((resolve) => (release = resolve))
      },
    })
    const { log } = await open(fs)
    held = true
    const first = log.append(entryOf('first'))
    await new ManualClock().turn()
    const others = texts(10).map((text) => log.append(entryOf(text)))
    release()
    await first
    await Promise.all(others)
    expect(log.statistics.groups).toBe(3)
    await log.close()
  })

  it('applies each record once, in log order, before it resolves', async () => {
    const { log, applied } = await open(new MemoryFileSystem())
    const refs = await Promise.all(
      texts(20).map(async (text) => {
        const ref = await log.append(entryOf(text))
        expect(applied).toContain(text)
        return ref.position
      }),
    )
    expect(applied).toEqual(texts(20))
    expect(refs).toEqual([...refs].sort((a, b) => a - b))
    await log.close()
  })

  it('writes all entries of appendAll into one group, one behind the other', async () => {
    const { log } = await open(new MemoryFileSystem())
    const refs = await log.appendAll([entryOf('a'), entryOf('bc'), entryOf('d')])
    const [a, b, c] = refs.map((ref) => ref.position)
    expect([b, c]).toEqual([(a ?? 0) + 10, (a ?? 0) + 21])
    expect(log.statistics.groups).toBe(2)
    await log.close()
  })

  it('refuses a record over the limit and goes on', async () => {
    const { log } = await open(new MemoryFileSystem(), { recordBytesMax: 1000 })
    await expect(log.append(entryOf('x'.repeat(1001)))).rejects.toMatchObject({
      code: 'MR_RECORD_TOO_LARGE',
    })
    await expect(log.append(entryOf('x'.repeat(1000)))).resolves.toMatchObject({ length: 1000 })
    await log.close()
  })

  it('refuses entries that together do not fit a group', async () => {
    const { log } = await open(new MemoryFileSystem())
    const many = texts(10, 1000).map(entryOf)
    await expect(log.appendAll(many)).rejects.toMatchObject({ code: 'MR_RECORD_TOO_LARGE' })
    await log.close()
  })

  it('takes an empty payload and the largest one', async () => {
    const { log } = await open(new MemoryFileSystem())
    const limit = Math.floor((SEGMENT_BYTES - 4096 - 88) / 2) - 53
    expect((await log.append(entryOf(''))).length).toBe(0)
    expect((await log.append(entryOf('x'.repeat(limit)))).length).toBe(limit)
    await expect(log.append(entryOf('x'.repeat(limit + 1)))).rejects.toThrow()
    await log.close()
  })

  it('goes on in a new segment where the old one has no room', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    const refs = await Promise.all(texts(60, 500).map((text) => log.append(entryOf(text))))
    const segments = refs.map((ref) => ref.segment)
    expect(new Set(segments)).toEqual(new Set([1, 2, 3]))
    expect((await segmentsOf(fs)).length).toBe(3)
    expect(log.retainedBytes).toBe(log.end - log.start)
    await log.close()
  })

  it('is refused after close', async () => {
    const { log } = await open(new MemoryFileSystem())
    const pending = log.append(entryOf('in time'))
    await log.close()
    await log.close()
    await expect(pending).resolves.toBeDefined()
    await expect(log.append(entryOf('late'))).rejects.toMatchObject({ code: 'MR_LOG_CLOSED' })
    await expect(log.release(0)).rejects.toMatchObject({ code: 'MR_LOG_CLOSED' })
  })
})

describe('durability', () => {
  it("'sync' resolves when everything up to the record is durable", async () => {
    const { log } = await open(new MemoryFileSystem())
    const ref = await log.append(entryOf('x'))
    expect(log.durable).toBeGreaterThan(ref.position)
    await log.close()
  })

  it("'interval' resolves after the write and syncs at the interval", async () => {
    const clock = new ManualClock()
    const { log } = await openLog(
      { fs: new MemoryFileSystem(), clock },
      {
        directory: DIRECTORY,
        identity: IDENTITY,
        segmentBytes: SEGMENT_BYTES,
        durability: 'interval',
        intervalMs: 50,
        apply: () => undefined,
        snapshot: () => [],
      },
    )
    await log.append(entryOf('x'))
    expect(log.durable).toBeLessThan(log.end)
    await clock.advance(49)
    expect(log.durable).toBeLessThan(log.end)
    await clock.advance(1)
    expect(log.durable).toBe(log.end)
    await log.close()
    expect(clock.waiting).toBe(0)
  })

  it("'none' syncs when a segment is full and at close", async () => {
    const { log } = await open(new MemoryFileSystem(), { durability: 'none' })
    await log.append(entryOf('x'))
    expect(log.durable).toBeLessThan(log.end)
    const before = log.statistics.syncs
    for (const text of texts(30, 500)) await log.append(entryOf(text))
    expect(log.statistics.syncs - before).toBe(2 * (Math.ceil((30 * 553) / 12_200) - 1))
    await log.close()
    expect(log.durable).toBe(log.end)
  })
})

describe('a failed write or sync', () => {
  it('fails every waiter and every later append, is told once and never tried again', async () => {
    let broken = false
    let syncs = 0
    const fs = watched(new MemoryFileSystem(), {
      before: (effect) => {
        if (!broken || effect !== 'appendSync') return
        syncs += 1
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      },
    })
    const failures: unknown[] = []
    const { log, applied } = await open(fs, { onFailure: (error) => failures.push(error) })
    await log.append(entryOf('good'))
    broken = true
    const waiting = await Promise.all(texts(5).map((text) => failureOf(log.append(entryOf(text)))))
    broken = false
    const later = await failureOf(log.append(entryOf('later')))
    for (const error of [...waiting, later]) {
      expect(error).toMatchObject({ code: 'MR_LOG_FAILED', cause: { code: 'EIO' } })
    }
    expect(applied).toEqual(['good'])
    expect(failures).toEqual([later])
    expect(syncs).toBe(1)
    await log.close()
  })

  it('by the interval ends the log too', async () => {
    const clock = new ManualClock()
    let broken = false
    const fs = watched(new MemoryFileSystem(), {
      before: (effect) => {
        if (broken && effect === 'sync') throw new Error('EIO')
      },
    })
    const failures: unknown[] = []
    const { log } = await openLog(
      { fs, clock },
      {
        directory: DIRECTORY,
        identity: IDENTITY,
        segmentBytes: SEGMENT_BYTES,
        durability: 'interval',
        apply: () => undefined,
        snapshot: () => [],
        onFailure: (error) => failures.push(error),
      },
    )
    await log.append(entryOf('x'))
    broken = true
    await clock.advance(100)
    expect(failures).toHaveLength(1)
    await expect(log.append(entryOf('y'))).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
    await log.close()
  })

  it('of apply ends the log: what it saw is in doubt', async () => {
    const { log } = await open(new MemoryFileSystem(), {
      apply: () => {
        throw new Error('broken fold')
      },
    })
    await expect(log.append(entryOf('x'))).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
    await log.close()
  })
})

describe('release', () => {
  it('gives up segments that lie wholly below, and keeps the others', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    const refs = await Promise.all(texts(100, 500).map((text) => log.append(entryOf(text))))
    const names = await segmentsOf(fs)
    const inThird = refs.find((ref) => ref.segment === 3)
    await log.release((inThird?.position ?? 0) + 1)
    expect(await segmentsOf(fs)).toEqual(names.slice(2))
    expect(log.start).toBeLessThanOrEqual(inThird?.position ?? 0)
    await log.release(log.end)
    expect(await segmentsOf(fs)).toEqual(names.slice(-1))
    await log.close()
    const again = await open(fs)
    expect(again.report.start).toBe(log.start)
    expect(again.snapshots).toHaveLength(1)
    await again.log.close()
  })

  it('lets later segments take the place of earlier ones', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    for (let round = 0; round < 20; round++) {
      await Promise.all(texts(25, 500).map((text) => log.append(entryOf(text))))
      await log.release(log.end)
    }
    expect((await filesOf(fs)).size).toBeLessThanOrEqual(4)
    await log.close()
  })
})

describe('openLog', () => {
  it('gives each life a larger epoch and the same positions', async () => {
    const fs = new MemoryFileSystem()
    const ends: number[] = []
    for (let life = 1; life <= 4; life++) {
      const { log, report, applied } = await open(fs)
      expect(report).toMatchObject({ epoch: life, tornBytes: 0, end: ends.at(-1) ?? 0 })
      expect(applied).toEqual(texts(life - 1))
      await log.append(entryOf(texts(life).at(-1) ?? ''))
      await log.close()
      ends.push(log.end)
    }
  })

  it.each([1000, 16_385, 8192, 2 ** 31])('refuses segments of %d bytes', async (segmentBytes) => {
    await expect(open(new MemoryFileSystem(), { segmentBytes })).rejects.toMatchObject({
      code: 'MR_CONFIG_INVALID',
    })
  })

  it('refuses a record limit that no segment can hold', async () => {
    const opening = open(new MemoryFileSystem(), { recordBytesMax: 10_000 })
    await expect(opening).rejects.toMatchObject({ code: 'MR_CONFIG_INVALID' })
  })

  it('tells its progress up to the total', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    await Promise.all(texts(60, 500).map((text) => log.append(entryOf(text))))
    await log.close()
    const told: [number, number][] = []
    const again = await open(fs, { onProgress: (done, total) => told.push([done, total]) })
    expect(told).toHaveLength(again.report.segments)
    expect(told.at(-1)?.[0]).toBe(told.at(-1)?.[1])
    await again.log.close()
  })
})
