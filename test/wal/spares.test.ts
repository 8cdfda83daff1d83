/** Spare segments: filled with zeros aside for small groups only, and never waited for in vain. */
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { watched } from './effects.ts'
import { entryOf, open } from './support.ts'

const isSpare = (path: string): boolean => path.endsWith('.free')

describe('a spare segment', () => {
  it.each([
    { size: 'small', bytes: 8 * 1024, filled: true },
    { size: 'large', bytes: 128 * 1024, filled: false },
  ])('is filled with zeros: $filled, where groups are $size', async ({ bytes, filled }) => {
    let writes = 0
    const fs = watched(new MemoryFileSystem(), {
      before: (effect, path) => {
        if (effect === 'write' && isSpare(path)) writes += 1
      },
    })
    const { log } = await open(fs, { segmentBytes: 1024 * 1024 })
    const entry = entryOf('x'.repeat(bytes))
    for (let sum = 0; sum < 3 * 1024 * 1024; sum += bytes) await log.append(entry)
    await log.close()
    expect(writes > 0).toBe(filled)
  })

  it('that is being filled keeps no rotation waiting while another one is there', async () => {
    let held = Promise.resolve()
    const fs = watched(new MemoryFileSystem(), {
      after: async (effect, path) => {
        if (effect === 'sync' && isSpare(path)) await held
      },
    })
    const { log } = await open(fs)
    const appendTo = async (segment: number): Promise<void> => {
      for (let at = 0; at < segment;) at = (await log.append(entryOf('x'.repeat(500)))).segment
    }
    await appendTo(2)
    let letGo = (): void => undefined
    held = new Promise((resolve) => {
      letGo = resolve
    })
    for (let i = 0; i < 20; i++) await log.append(entryOf('x'.repeat(500)))
    await log.release(log.end)
    await appendTo(3)
    letGo()
    await log.close()
  })
})
