/** The behaviour of Spark's ReceivedBlockTracker, scenario by scenario, on the real store. */
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { watched } from '../wal/effects.ts'
import { addAll, DIGEST, namesOf, numbered, openStore } from './support.ts'

const blocksOf = async (
  fs: MemoryFileSystem,
  { store }: Awaited<ReturnType<typeof openStore>>,
  time: number,
): Promise<readonly string[]> => namesOf(fs, store.tracker.blocksOf(time)[0]?.blocks)

describe('block addition, and allocation of blocks to batches', () => {
  it('gives all waiting blocks to a batch, and none to the next or again', async () => {
    const fs = new MemoryFileSystem()
    const opened = await openStore(fs)
    const { store } = opened
    expect(store.tracker.unallocated(1)).toEqual([])
    await addAll(store, numbered('b'))
    expect(await namesOf(fs, store.tracker.unallocated(1))).toEqual(numbered('b'))
    expect(store.tracker.hasUnallocated).toBe(true)

    await store.allocate(1)
    expect(await blocksOf(fs, opened, 1)).toEqual(numbered('b'))
    expect(store.tracker.hasUnallocated).toBe(false)

    await store.allocate(2)
    expect(await blocksOf(fs, opened, 2)).toEqual([])
    expect(store.tracker.allocationOf(2)).toMatchObject({ time: 2, streams: [] })

    const { end } = store.log
    await store.allocate(1)
    expect(await blocksOf(fs, opened, 1)).toEqual(numbered('b'))
    expect(store.log.end).toBe(end)

    await addAll(store, numbered('b'))
    await store.allocate(2)
    expect(await blocksOf(fs, opened, 2)).toEqual([])
    expect(store.tracker.unallocated(1)).toHaveLength(5)
    await store.close()
  })
})

describe('recovery', () => {
  it('takes only the allocated blocks out of the queue', async () => {
    const fs = new MemoryFileSystem()
    const first = await openStore(fs)
    await addAll(first.store, numbered('a'))
    const taken = first.store.tracker.unallocated(1).reduce((sum, block) => sum + block.bytes, 0)
    await addAll(first.store, numbered('u'))
    await first.store.allocate(10, { bytesMax: taken })
    await first.store.close()

    const second = await openStore(fs)
    expect(await blocksOf(fs, second, 10)).toEqual(numbered('a'))
    expect(await namesOf(fs, second.store.tracker.unallocated(1))).toEqual(numbered('u'))
    await second.store.close()
  })

  it('and cleanup over four lives keep what is needed and drop what is not', async () => {
    const fs = new MemoryFileSystem()
    const [a, b] = [numbered('A'), numbered('B')]
    const life1 = await openStore(fs)
    await addAll(life1.store, a)
    expect(life1.store.tracker.unallocated(1)).toHaveLength(5)
    await life1.store.close()

    const life2 = await openStore(fs)
    expect(await namesOf(fs, life2.store.tracker.unallocated(1))).toEqual(a)
    await life2.store.allocate(2000)
    expect(await blocksOf(fs, life2, 2000)).toEqual(a)
    await addAll(life2.store, b)
    await life2.store.allocate(4000)
    expect(await blocksOf(fs, life2, 4000)).toEqual(b)
    await life2.store.close()

    const life3 = await openStore(fs)
    expect(await blocksOf(fs, life3, 2000)).toEqual(a)
    expect(await blocksOf(fs, life3, 4000)).toEqual(b)
    expect(life3.store.tracker.hasUnallocated).toBe(false)
    const oldest = (await fs.list('/data/log'))?.find((name) => name.endsWith('.wal'))
    await life3.store.cleanup(2000, 1, DIGEST)
    expect(await blocksOf(fs, life3, 2000)).toEqual([])
    expect(await fs.list('/data/log')).not.toContain(oldest)
    await life3.store.close()

    const life4 = await openStore(fs)
    expect(life4.store.tracker.hasUnallocated).toBe(false)
    expect(await blocksOf(fs, life4, 2000)).toEqual([])
    expect(await blocksOf(fs, life4, 4000)).toEqual(b)
    expect(life4.store.tracker.cleanup).toMatchObject({ time: 2000, commit: 1, digest: DIGEST })
    await life4.store.close()
  })
})

describe('an allocation whose write failed', () => {
  it('loses no block: they go to a later batch', async () => {
    const disk = new MemoryFileSystem()
    let broken = false
    const fs = watched(disk, {
      before: (effect) => {
        if (broken && effect === 'appendSync') throw new Error('EIO')
      },
    })
    const first = await openStore(fs)
    await addAll(first.store, numbered('b'))
    broken = true
    await expect(first.store.allocate(1)).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
    expect(first.store.tracker.unallocated(1)).toHaveLength(5)
    expect(first.store.tracker.allocationOf(1)).toBeUndefined()
    expect(first.store.tracker.blocksOf(1)).toEqual([])
    await first.store.close()
    broken = false

    const second = await openStore(disk)
    await second.store.allocate(2)
    expect(await blocksOf(disk, second, 2)).toEqual(numbered('b'))
    await second.store.close()
    const third = await openStore(disk)
    expect(third.store.tracker.hasUnallocated).toBe(false)
    expect(await blocksOf(disk, third, 2)).toEqual(numbered('b'))
    await third.store.close()
  })
})
