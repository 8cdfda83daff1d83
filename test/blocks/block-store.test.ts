/** Blocks through the log: duplicates, limits, release, and what a restart finds. */
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { readBlock } from '../../src/blocks/read-block.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { RecordReader } from '../../wal/reader.ts'
import { segmentsOf } from '../wal/support.ts'
import { addAll, DIGEST, DIRECTORY, namesOf, numbered, openStore } from './support.ts'

const block = (
  sequence: number,
): Parameters<Awaited<ReturnType<typeof openStore>>['store']['addBlock']>[0] => ({
  streamId: 1,
  format: 'text',
  records: 1,
  parts: [Buffer.from(`${String(sequence)}\n`)],
  producer: { id: 'p', sequence },
})

describe('addBlock', () => {
  it('recognises what a producer sends again: later, at once, and after a restart', async () => {
    const fs = new MemoryFileSystem()
    const first = await openStore(fs)
    const kinds = await Promise.all([1, 2, 2, 1].map((n) => first.store.addBlock(block(n))))
    expect(kinds.map((added) => added.kind)).toEqual(['stored', 'stored', 'duplicate', 'duplicate'])
    const { end } = first.store.log
    expect(await first.store.addBlock(block(2))).toEqual({ kind: 'duplicate' })
    expect(first.store.log.end).toBe(end)
    await first.store.close()
    const second = await openStore(fs)
    expect(second.store.tracker.highWater(1, 'p')).toBe(2)
    expect(await second.store.addBlock(block(2))).toEqual({ kind: 'duplicate' })
    expect((await second.store.addBlock(block(3))).kind).toBe('stored')
    expect(await namesOf(fs, second.store.tracker.unallocated(1))).toEqual(['1', '2', '3'])
    await second.store.close()
  })

  it('remembers as many producers as a small segment has room for, at replay too', async () => {
    const fs = new MemoryFileSystem()
    const id = (n: number): string => `${String(n)}-${'p'.repeat(200)}`
    const first = await openStore(fs)
    for (let n = 0; n < 300; n++) {
      await first.store.addBlock({ ...block(0), producer: { id: id(n), sequence: 0 } })
    }
    const { tracker } = first.store
    expect(tracker.producersDropped).toBeGreaterThan(100)
    expect([tracker.highWater(1, id(0)), tracker.highWater(1, id(299))]).toEqual([-1, 0])
    const before = tracker.snapshot()
    const second = await openStore(fs)
    expect(second.store.tracker.highWater(1, id(299))).toBe(0)
    expect(before.producers.map((mark) => mark.id)).toEqual(
      expect.arrayContaining(second.store.tracker.snapshot().producers.map((mark) => mark.id)),
    )
    await second.store.close()
  })

  it('keeps format, count and bytes for whoever reads the block', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs)
    const bytes = serialize([1, 'two', new Map([[3, 4]])])
    const parts = [bytes.subarray(0, 5), new Uint8Array(), bytes.subarray(5)]
    const added = await store.addBlock({ streamId: 2, format: 'values', records: 3, parts })
    await store.close()
    const reader = new RecordReader(fs, DIRECTORY)
    expect(added.kind).toBe('stored')
    if (added.kind === 'stored') {
      const read = readBlock(reader, added.ref)
      expect(read).toEqual({ format: 'values', records: 3, bytes: Uint8Array.from(bytes) })
    }
    await reader.close()
  })

  it('says so when a reference leads to something that is no block', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs)
    await addAll(store, ['a'])
    const { position } = await store.allocate(1)
    const ref = store.tracker.blocksOf(1)[0]?.blocks[0]?.ref
    await store.close()
    const reader = new RecordReader(fs, DIRECTORY)
    const bytes = Buffer.from(await fs.readFile(`${DIRECTORY}/${'1'.padStart(20, '0')}.wal`))
    const length = bytes.readUInt32LE(4096 + position)
    const wrong = { position, segment: 1, offset: 4096 + position, length, epoch: 1 }
    expect(() => readBlock(reader, wrong)).toThrow('is no block: allocation')
    expect(ref).toBeDefined()
    await reader.close()
  })
})

describe('allocate', () => {
  it('takes the oldest blocks up to the limit and leaves the rest to later batches', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs)
    await addAll(store, numbered('a'))
    const range = { streamId: 9, from: 0, until: 7 }
    const first = await store.allocate(1, { bytesMax: 7 }, [range])
    expect(await namesOf(fs, first.streams[0]?.blocks)).toEqual(['a1', 'a2'])
    expect(first.ranges).toEqual([range])
    const second = await store.allocate(2, { bytesMax: 1 })
    expect(await namesOf(fs, second.streams[0]?.blocks)).toEqual(['a3'])
    expect(store.tracker.uncommitted().map(({ time }) => time)).toEqual([1, 2])
    await store.close()
  })

  it('of a time that is past and unknown is empty and writes nothing', async () => {
    const { store } = await openStore(new MemoryFileSystem())
    await store.allocate(5)
    const { end } = store.log
    expect(await store.allocate(3)).toMatchObject({ time: 3, streams: [], ranges: [] })
    expect(store.log.end).toBe(end)
    await store.close()
  })

  it('and cleanup are one at a time', async () => {
    const { store } = await openStore(new MemoryFileSystem())
    const first = store.allocate(1)
    await expect(store.allocate(2)).rejects.toThrow('one allocation or cleanup')
    await first
    await store.close()
  })
})

describe('release', () => {
  it('keeps every segment from the oldest needed block on, over restarts', async () => {
    const fs = new MemoryFileSystem()
    let time = 0
    for (let life = 0; life < 3; life++) {
      const { store } = await openStore(fs)
      for (let batch = 0; batch < 6; batch++) {
        await addAll(store, numbered('x'.repeat(700), 8))
        await store.allocate(++time)
        if (time > 2) await store.cleanup(time - 2, time, DIGEST)
        const pinned = store.tracker.pinnedFrom ?? 0
        expect(store.log.start).toBeLessThanOrEqual(pinned)
        expect(store.pinnedBytes).toBe(store.log.end - pinned)
        expect(await namesOf(fs, store.tracker.blocksOf(time)[0]?.blocks)).toHaveLength(8)
        expect((await segmentsOf(fs)).length).toBeLessThanOrEqual(5)
      }
      await store.close()
    }
  })

  it('gives segments up only when the receipt that frees them is durable', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs, { durability: 'none' })
    const start = store.log.start
    for (let time = 1; time <= 3; time++) {
      await addAll(store, numbered('x'.repeat(700), 40))
      await store.allocate(time)
      await store.log.sync()
      await store.cleanup(time, time, DIGEST)
      // What batch 1 needed goes with the receipt of batch 2, before which its own was synced.
      if (time === 1) expect(store.log.start).toBe(start)
      else expect(store.log.start).toBeGreaterThan(start)
    }
    await store.close()
  })

  it('notices at open that a segment with needed blocks is gone', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs)
    await addAll(store, numbered('x'.repeat(700), 40))
    await store.close()
    await fs.unlink(`${DIRECTORY}/${(await segmentsOf(fs))[0] ?? ''}`)
    await expect(openStore(fs)).rejects.toMatchObject({ code: 'MR_LOG_DAMAGED' })
  })

  it('lets readers see cleaned batches that are kept', async () => {
    const fs = new MemoryFileSystem()
    const { store } = await openStore(fs)
    for (let time = 1; time <= 6; time++) {
      await addAll(store, numbered('x'.repeat(700), 8))
      await store.allocate(time)
      await store.cleanup(time, time, DIGEST, Math.max(0, time - 2))
    }
    expect(store.tracker.uncommitted()).toEqual([])
    await store.close()
    const again = await openStore(fs)
    for (const time of [4, 5, 6]) {
      const blocks = again.store.tracker.blocksOf(time)[0]?.blocks
      expect(await namesOf(fs, blocks)).toHaveLength(8)
    }
    expect(again.store.tracker.blocksOf(3)).toEqual([])
    await again.store.close()
  })
})

describe('a restart', () => {
  it('finds what was running, whatever was done before (property)', async () => {
    const what = fc.oneof(
      { weight: 5, arbitrary: fc.record({ do: fc.constant('add'), n: fc.nat(2000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('allocate'), n: fc.nat(4000) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('clean'), n: fc.nat(2) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('restart'), n: fc.nat(1) }) },
    )
    await fc.assert(
      fc.asyncProperty(fc.array(what, { maxLength: 60 }), async (steps) => {
        const fs = new MemoryFileSystem()
        let { store } = await openStore(fs)
        let sequence = 0
        for (const step of [...steps, { do: 'restart', n: 0 }]) {
          if (step.do === 'add') {
            const parts = [new Uint8Array(step.n)]
            const producer = { id: `p${String(step.n % 3)}`, sequence: ++sequence }
            await store.addBlock({
              streamId: step.n % 2,
              format: 'values',
              records: 1,
              parts,
              producer,
            })
          } else if (step.do === 'allocate') {
            await store.allocate((store.tracker.lastAllocated ?? 0) + 1, { bytesMax: step.n })
          } else if (step.do === 'clean') {
            const next = store.tracker.uncommitted()[0]
            if (next) await store.cleanup(next.time, 1, DIGEST, Math.max(0, next.time + 1 - step.n))
          } else {
            const before = store.tracker
            if (step.n === 0) await store.close()
            store = (await openStore(fs)).store
            const after = store.tracker
            expect(after.snapshot()).toEqual(before.snapshot())
            expect(after.uncommitted()).toEqual(before.uncommitted())
            expect(after.pinnedFrom).toBe(before.pinnedFrom)
            for (const stream of [0, 1]) {
              expect(after.unallocated(stream)).toEqual(before.unallocated(stream))
            }
          }
        }
        await store.close()
      }),
      { numRuns: 60 },
    )
  })
})
