/** What the simulated disk keeps and loses. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { diceOf } from '../../../chaos/kill/dice.ts'
import { SimDisk } from '../../../chaos/sim/disk.ts'
import { SimFileSystem } from '../../../chaos/sim/file-system.ts'
import { openGate } from '../../../chaos/sim/gate.ts'

const SECTOR = 512
const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)
const seeds = fc.integer({ min: 0, max: 1_000_000 })
const RUNS = 100

function disk(): { disk: SimDisk; fs: SimFileSystem } {
  const made = new SimDisk()
  made.makeDirectory('/d')
  made.syncDirectory('/')
  return { disk: made, fs: new SimFileSystem(made, openGate) }
}

const contentOf = (of: SimDisk, path: string): Uint8Array | undefined => {
  const found = of.find(path)
  return found?.kind === 'file' ? found.read(0, found.length) : undefined
}

describe('a crash of the simulated disk', () => {
  test.prop([seeds], { numRuns: RUNS })(
    'keeps what was synced, whatever came later',
    async (seed) => {
      const { disk: of, fs } = disk()
      const file = await fs.create('/d/a')
      await file.write(0, bytes(5000, 1))
      await file.sync()
      await fs.syncDirectory('/d')
      await file.write(5000, bytes(5000, 2))
      of.crash(diceOf(seed))
      const after = contentOf(of, '/d/a') ?? bytes(0, 0)
      expect(Buffer.compare(after.subarray(0, 5000), bytes(5000, 1))).toBe(0)
      const rest = new Set(after.subarray(5000))
      expect([...rest].every((value) => value === 0 || value === 2)).toBe(true)
    },
  )

  test.prop([seeds], { numRuns: RUNS })('tears by whole sectors only', async (seed) => {
    const { disk: of, fs } = disk()
    const file = await fs.create('/d/a')
    await file.write(0, bytes(8 * SECTOR, 1))
    await file.sync()
    await fs.syncDirectory('/d')
    await file.write(0, bytes(8 * SECTOR, 2))
    of.crash(diceOf(seed))
    const after = contentOf(of, '/d/a') ?? bytes(0, 0)
    expect(after).toHaveLength(8 * SECTOR)
    for (let at = 0; at < after.length; at += SECTOR) {
      expect(new Set(after.subarray(at, at + SECTOR)).size).toBe(1)
    }
  })

  test.prop([seeds], { numRuns: RUNS })('keeps a rename whole, or not at all', async (seed) => {
    const { disk: of, fs } = disk()
    await fs.writeFileDurably('/d/a', bytes(3, 1))
    await fs.rename('/d/a', '/d/b')
    of.crash(diceOf(seed))
    expect([contentOf(of, '/d/a'), contentOf(of, '/d/b')].filter(Boolean)).toEqual([bytes(3, 1)])
  })

  it('shows every outcome of unsynced sectors and names within some seeds', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 2000; seed++) {
      const { disk: of, fs } = disk()
      const file = await fs.create('/d/a')
      await file.write(0, bytes(3 * SECTOR, 7))
      of.crash(diceOf(seed))
      const after = contentOf(of, '/d/a')
      const sectors = [0, 1, 2].map((n) => String(after?.[n * SECTOR] ?? '-'))
      outcomes.add(after === undefined ? 'no name' : sectors.join(''))
    }
    for (const wanted of ['no name', '---', '777', '000', '007', '700', '070']) {
      expect(outcomes).toContain(wanted)
    }
  })

  it('loses what a failed sync took for clean, even when a later sync succeeds', async () => {
    let lost = 0
    for (let seed = 0; seed < 50; seed++) {
      const { disk: of, fs } = disk()
      const file = await fs.create('/d/a')
      await file.write(0, bytes(8 * SECTOR, 1))
      await file.sync()
      await fs.syncDirectory('/d')
      await file.write(0, bytes(8 * SECTOR, 2))
      of.file('/d/a').failSync(diceOf(seed))
      await file.sync()
      expect(contentOf(of, '/d/a')).toEqual(bytes(8 * SECTOR, 2))
      of.crash(diceOf(seed))
      if (contentOf(of, '/d/a')?.includes(1) === true) lost += 1
    }
    expect(lost).toBeGreaterThan(40)
  })

  test.prop([seeds], { numRuns: RUNS })(
    'keeps what the drive wrote by itself, in a synced sector and in one that is not',
    async (seed) => {
      const { disk: of, fs } = disk()
      const file = await fs.create('/d/a')
      await file.write(0, bytes(4 * SECTOR, 1))
      await file.sync()
      await fs.syncDirectory('/d')
      await file.write(0, bytes(2 * SECTOR, 2))
      of.file('/d/a').rewrite(SECTOR + 100, bytes(SECTOR, 3))
      of.crash(diceOf(seed))
      const after = contentOf(of, '/d/a') ?? bytes(0, 0)
      expect(after.subarray(SECTOR + 100, 2 * SECTOR + 100)).toEqual(bytes(SECTOR, 3))
      expect(new Set(after.subarray(0, SECTOR + 100))).not.toContain(3)
      expect(new Set(after.subarray(2 * SECTOR + 100))).toEqual(new Set([1]))
    },
  )

  it('leaves a clone alone', async () => {
    const { disk: of, fs } = disk()
    await fs.writeFileDurably('/d/a', bytes(9, 1))
    const copy = of.clone()
    const file = await fs.openWrite('/d/a')
    await file.write(0, bytes(9, 2))
    await fs.unlink('/d/a')
    expect(contentOf(copy, '/d/a')).toEqual(bytes(9, 1))
  })
})

describe('a full simulated disk', () => {
  it('writes short, then nothing, and tells how much is free', async () => {
    const { disk: of, fs } = disk()
    of.capacity = 4 * 4096
    const file = await fs.create('/d/a')
    expect(await fs.freeBytes('/d')).toBe(4 * 4096)
    await expect(file.write(0, bytes(20_000, 1))).rejects.toMatchObject({ code: 'MR_SHORT_WRITE' })
    expect(of.file('/d/a').length).toBe(4 * 4096)
    await expect(file.write(4 * 4096, bytes(1, 1))).rejects.toMatchObject({ code: 'ENOSPC' })
    await file.write(100, bytes(50, 3))
    expect(await fs.freeBytes('/d')).toBe(0)
    await fs.unlink('/d/a')
    expect(await fs.freeBytes('/d')).toBe(4 * 4096)
  })
})
