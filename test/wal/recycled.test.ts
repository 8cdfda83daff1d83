/**
 * No whole valid record of a segment's earlier life can be read: at no offset of a segment that was
 * made of a released one, under its own epoch and positions, is there a record that was not written
 * there in this life.
 */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { decodeRecord } from '../../wal/group-format.ts'
import { decodeSegmentHeader, spareName } from '../../wal/segment-format.ts'
import { change, DIRECTORY, entryOf, open, SEGMENT_BYTES, segmentsOf } from './support.ts'

const HEADER = 4096
const OPENING_RECORD = HEADER + 44

const step = fc.oneof(
  { weight: 12, arbitrary: fc.nat(2500).map((bytes) => ({ kind: 'append' as const, bytes })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'release' as const }) },
  { weight: 1, arbitrary: fc.boolean().map((clean) => ({ kind: 'life' as const, clean })) },
)

const recycledIn = async (fs: MemoryFileSystem): Promise<string[]> => {
  const found: string[] = []
  for (const name of await segmentsOf(fs)) {
    const decoded = decodeSegmentHeader(await fs.readFile(`${DIRECTORY}/${name}`))
    if (decoded.kind === 'header' && !decoded.header.zeroed) found.push(name)
  }
  return found
}

/** Offsets at which a whole record of this life of the file can be decoded. */
function readable(bytes: Uint8Array): { number: number; offsets: number[] } {
  const decoded = decodeSegmentHeader(bytes)
  if (decoded.kind !== 'header') throw new Error('a segment has a header')
  const { base, epoch, number } = decoded.header
  const offsets: number[] = []
  for (let offset = HEADER; offset < bytes.length; offset++) {
    const position = base + offset - HEADER
    if (typeof decodeRecord(bytes.subarray(offset), position, epoch) === 'object') {
      offsets.push(offset)
    }
  }
  return { number, offsets }
}

describe('a recycled segment', () => {
  let recycled = 0
  test.prop([fc.array(step, { minLength: 20, maxLength: 60 })], { numRuns: 60 })(
    'holds no readable record of an earlier life',
    async (steps) => {
      const fs = new MemoryFileSystem()
      const written = new Set<string>()
      let { log } = await open(fs)
      for (const next of steps) {
        if (next.kind === 'release') await log.release(log.end)
        else if (next.kind === 'append') {
          const ref = await log.append(entryOf('x'.repeat(next.bytes)))
          written.add(`${String(ref.segment)}:${String(ref.offset)}`)
        } else {
          if (next.clean) await log.close()
          log = (await open(fs)).log
        }
      }
      for (const name of await recycledIn(fs)) {
        recycled += 1
        const { number, offsets } = readable(await fs.readFile(`${DIRECTORY}/${name}`))
        for (const offset of offsets) {
          const known =
            offset === OPENING_RECORD || written.has(`${String(number)}:${String(offset)}`)
          expect(known, `${name} at byte ${String(offset)}`).toBe(true)
        }
      }
    },
  )
  it('was there to be looked at', () => {
    expect(recycled).toBeGreaterThan(10)
  })

  it('is not made of a spare of its own epoch, left beside a restored backup', async () => {
    const fs = new MemoryFileSystem()
    const first = await open(fs)
    await first.log.append(entryOf('before the backup'))
    await first.log.close()
    const backup = await fs.readFile(`${DIRECTORY}/${(await segmentsOf(fs))[0] ?? ''}`)
    // The life that the backup undoes: its segment has the base and the epoch the next one gets.
    const undone = await open(fs)
    await undone.log.append(entryOf('undone'))
    await undone.log.close()
    const [one = '', two = ''] = await segmentsOf(fs)
    await change(fs, one, () => backup)
    await fs.rename(`${DIRECTORY}/${two}`, `${DIRECTORY}/${spareName('recycled', 2)}`)
    const again = await open(fs)
    expect(again.applied).toEqual(['before the backup'])
    expect(again.log.epoch).toBe(2)
    // Killed before its first record: what lies behind the opening group must be nothing.
    const after = await open(fs)
    expect(after.applied).toEqual(['before the backup'])
    expect((await fs.list(DIRECTORY))?.filter((name) => name.endsWith('.free'))).toEqual([])
    expect(backup.length).toBe(SEGMENT_BYTES)
  })
})
