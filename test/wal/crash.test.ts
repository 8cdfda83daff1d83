/**
 * A process killed between any two effects, and power lost at any of them: nothing acknowledged is
 * lost.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { seededRandom } from '../../src/base/random.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import type { FileSystem } from '../../src/host/host.ts'
import { watched } from './effects.ts'
import { PowerLossDisk } from './power-loss.ts'
import { copyOf, entryOf, open } from './support.ts'

const textOf = (n: number): string => `${String(n)}:`.padEnd(1 + ((n * 397) % 1500), 'x')

/** Two lives with rotations and releases; `said` gets each text when it is acknowledged. */
async function live(fs: FileSystem, said: string[]): Promise<void> {
  for (let life = 0; life < 2; life++) {
    const { log } = await open(fs)
    for (let i = 0; i < 30; i++) {
      const n = life * 30 + i
      await log.append(entryOf(textOf(n)))
      said.push(textOf(n))
      if (i === 25) await log.release(log.end - 12_000)
    }
    if (life === 0) await log.close()
  }
}

/** The log holds what was said, perhaps one more record, and begins where a release allowed it. */
async function expectWhole(fs: FileSystem, said: readonly string[], place: string): Promise<void> {
  const { log, applied, snapshots } = await open(fs)
  const all = Array.from({ length: 60 }, (_, n) => textOf(n))
  const first = applied[0] === undefined ? said.length : all.indexOf(applied[0])
  expect(applied, place).toEqual(all.slice(first, first + applied.length))
  expect(first + applied.length, place).toBeGreaterThanOrEqual(said.length)
  expect(first + applied.length, place).toBeLessThanOrEqual(said.length + 1)
  if (first > 0 && snapshots.length > 0) expect(Number(snapshots[0]), place).toBe(first)
  const lost = all.slice(0, first).reduce((sum, text) => sum + text.length, 0)
  const bytes = said.reduce((sum, text) => sum + text.length, 0)
  if (first > 0) expect(bytes - lost, place).toBeGreaterThan(8000)
  await log.append(entryOf('and goes on'))
  await log.close()
}

describe('a process killed', () => {
  it('between any two effects has lost nothing it acknowledged', async () => {
    const disk = new MemoryFileSystem()
    const said: string[] = []
    let effects = 0
    const kinds = new Set<string>()
    const fs = watched(disk, {
      after: async (effect, path) => {
        effects += 1
        kinds.add(effect)
        await expectWhole(await copyOf(disk), [...said], `${String(effects)}: ${effect} ${path}`)
      },
    })
    await live(fs, said)
    expect(said).toHaveLength(60)
    const needed = ['appendSync', 'create', 'rename', 'syncDirectory', 'truncate', 'write']
    expect([...kinds]).toEqual(expect.arrayContaining(needed))
    expect(effects).toBeGreaterThan(100)
  })

  it('again and again while it opens has lost nothing', async () => {
    const disk = new MemoryFileSystem()
    const said: string[] = []
    await live(disk, said)
    let image = await copyOf(disk)
    for (let stop = 1; stop <= 12; stop++) {
      let effects = 0
      const fs = watched(image, {
        before: () => {
          effects += 1
          if (effects === stop) throw new Error('killed')
        },
      })
      const life = open(fs).then(({ log }) => log.close())
      await life.catch((error: unknown) => {
        expect(String(error)).toContain('killed')
      })
      image = await copyOf(image)
    }
    await expectWhole(image, said, 'after twelve attempts')
  })
})

describe('power lost', () => {
  it('at any effect, with any choice of unsynced sectors, loses nothing acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 200 }), fc.integer(), async (effectsMax, seed) => {
        let effects = 0
        const disk = new PowerLossDisk(() => {
          effects += 1
          if (effects > effectsMax) throw new Error('power lost')
        })
        const said: string[] = []
        const running = live(disk.over(new MemoryFileSystem()), said)
        await running.catch((error: unknown) => {
          expect(String(error)).toMatch(/power lost/)
        })
        const random = seededRandom(seed)
        for (let choice = 0; choice < 3; choice++) {
          await expectWhole(await disk.afterLoss(random), said, `choice ${String(choice)}`)
        }
      }),
      { numRuns: 150 },
    )
  })
})
