/**
 * Torn or damaged: every cut, every flipped bit, every missing file, and what is refused stays
 * untouched.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { isMillraceError } from '../../src/base/errors.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { crc32c } from '../../src/base/checksum.ts'
import { RecordReader } from '../../wal/reader.ts'
import type { RecordRef } from '../../wal/record.ts'
import { segmentName } from '../../wal/segment-format.ts'
import {
  change,
  copyOf,
  DIRECTORY,
  entryOf,
  failureOf,
  fingerprintOf,
  flip,
  open,
} from './support.ts'
import { watched } from './effects.ts'
import { segmentsOf, textOf } from './support.ts'

interface Made {
  readonly fs: MemoryFileSystem
  readonly texts: readonly string[]
  readonly refs: readonly RecordRef[]
}

/** A log of `sizes` records, one group each where they do not wait together. */
async function make(sizes: readonly number[], close: boolean): Promise<Made> {
  const fs = new MemoryFileSystem()
  const { log } = await open(fs)
  const texts = sizes.map((size, i) => `${String(i)}:`.padEnd(size, 'abc'))
  const refs: RecordRef[] = []
  for (const text of texts) refs.push(await log.append(entryOf(text)))
  if (close) await log.close()
  return { fs: await copyOf(fs), texts, refs }
}

/** Records before the last group are proven: its watermark says so. */
const provenOf = ({ texts }: Made): number => texts.length - 1

describe('a cut', () => {
  it('at any byte of the last segment leaves a prefix, and loses nothing proven', async () => {
    const sizes = [10, 300, 0, 900, 77, 1500]
    const made = await make(sizes, false)
    const last = segmentName(1)
    const ends = made.refs.map((ref) => ref.offset + 9 + ref.length)
    const size = (ends.at(-1) ?? 0) + 200
    for (let cut = 4096; cut <= size; cut += cut % 64 === 0 ? 1 : 3) {
      const fs = await copyOf(made.fs)
      await change(fs, last, (bytes) => bytes.slice(0, cut))
      const { log, applied, report } = await open(fs)
      const whole = ends.filter((end) => end <= cut).length
      expect(applied, `cut at ${String(cut)}`).toEqual(made.texts.slice(0, whole))
      const groupEnd = [4096 + 54, ...ends].filter((end) => end <= cut).at(-1) ?? 4096
      const partial = Math.max(0, Math.min(cut, ends.at(-1) ?? 0) - groupEnd)
      expect(report.tornBytes > 0).toBe(partial > 0)
      expect(report.tornBytes).toBeLessThanOrEqual(partial)
      await log.append(entryOf('goes on'))
      await log.close()
    }
  })

  it('below what the caller has proven is refused, and so is one in the header', async () => {
    const made = await make([100, 100, 100], false)
    const third = made.refs[2]?.position ?? 0
    for (let cut = 0; cut < 4096 + 54 + 2 * 153; cut += 7) {
      const fs = await copyOf(made.fs)
      await change(fs, segmentName(1), (bytes) => bytes.slice(0, cut))
      const before = await fingerprintOf(fs)
      const error = await failureOf(open(fs, { provenDurable: third }))
      expect(error).toMatchObject({ code: 'MR_LOG_DAMAGED' })
      expect(await fingerprintOf(fs)).toEqual(before)
    }
  })

  it('of an earlier segment is damage', async () => {
    const made = await make(
      Array.from({ length: 60 }, () => 500),
      false,
    )
    for (const cut of [100, 4095, 4096, 6000, 15_000]) {
      const fs = await copyOf(made.fs)
      await change(fs, segmentName(2), (bytes) => bytes.slice(0, cut))
      expect(await failureOf(open(fs))).toMatchObject({ code: 'MR_LOG_DAMAGED' })
    }
  })

  it('keeps every proven record of any log, wherever it is cut (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 2000 }), { minLength: 1, maxLength: 30 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (sizes, where) => {
          const made = await make(sizes, false)
          const name = (await segmentsOf(made.fs)).at(-1) ?? ''
          const cut = 4096 + Math.floor(where * (16_384 - 4096))
          await change(made.fs, name, (bytes) => bytes.slice(0, cut))
          const { log, applied } = await open(made.fs)
          expect(applied).toEqual(made.texts.slice(0, applied.length))
          const kept = made.refs.filter(
            (ref) => segmentName(ref.segment) !== name || ref.offset + 9 + ref.length <= cut,
          )
          expect(applied.length).toBe(kept.length)
          await log.close()
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('a flipped bit', () => {
  it('anywhere in a small log gives no wrong record and never costs a proven one', async () => {
    const made = await make([40, 0, 120, 33], false)
    const used = (made.refs.at(-1)?.offset ?? 0) + 9 + 33
    const seen = { refused: 0, torn: 0, unused: 0 }
    for (let bit = 0; bit < (used + 64) * 8; bit += bit < 4096 * 8 - 64 ? 61 : 1) {
      const fs = await copyOf(made.fs)
      await change(fs, segmentName(1), (bytes) => flip(bytes, bit))
      try {
        const { log, applied, report } = await open(fs)
        expect(applied, `bit ${String(bit)}`).toEqual(made.texts.slice(0, applied.length))
        expect(applied.length).toBeGreaterThanOrEqual(provenOf(made))
        if (applied.length < made.texts.length) {
          expect(report.tornBytes).toBeGreaterThan(0)
          seen.torn += 1
        } else {
          expect(bit).toBeGreaterThanOrEqual(used * 8)
          seen.unused += 1
        }
        await log.close()
      } catch (error) {
        if (!isMillraceError(error, 'MR_LOG_DAMAGED')) throw error
        seen.refused += 1
      }
    }
    expect(Math.min(seen.refused, seen.torn, seen.unused)).toBeGreaterThan(100)
  })

  it('anywhere before the end of a closed log is refused', async () => {
    const made = await make([40, 0, 120], true)
    const closing = (made.refs.at(-1)?.offset ?? 0) + 9 + 120
    for (let bit = 4096 * 8; bit < closing * 8; bit += 3) {
      const fs = await copyOf(made.fs)
      await change(fs, segmentName(1), (bytes) => flip(bytes, bit))
      const before = await fingerprintOf(fs)
      const error = await failureOf(open(fs))
      expect(error, `bit ${String(bit)}`).toMatchObject({ code: 'MR_LOG_DAMAGED' })
      expect(await fingerprintOf(fs)).toEqual(before)
    }
  })

  it('in a recycled segment never brings an old record back', async () => {
    const fs = new MemoryFileSystem()
    const first = await open(fs)
    for (let i = 0; i < 40; i++) await first.log.append(entryOf(`old ${String(i)}`.padEnd(500)))
    await first.log.release(first.log.end)
    for (let i = 0; i < 30; i++) await first.log.append(entryOf(`new ${String(i)}`.padEnd(500)))
    await first.log.release(first.log.end)
    await first.log.append(entryOf('last but one'))
    await first.log.append(entryOf('last'))
    const name = (await segmentsOf(fs)).at(-1) ?? ''
    const image = await copyOf(fs)
    for (let bit = 4096 * 8; bit < 8000 * 8; bit += 37) {
      const flipped = await copyOf(image)
      await change(flipped, name, (bytes) => flip(bytes, bit))
      try {
        const { log, applied } = await open(flipped)
        expect(applied.every((text) => !text.startsWith('old'))).toBe(true)
        await log.close()
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_LOG_DAMAGED' })
      }
    }
    await first.log.close()
  })
})

describe('damage below the watermark', () => {
  it('is refused with file, offset and what is lost', async () => {
    const made = await make([100, 100, 100], false)
    const first = made.refs[0]
    const at = (first?.offset ?? 0) + 20
    await change(made.fs, segmentName(1), (bytes) => flip(bytes, at * 8))
    expect(await failureOf(open(made.fs))).toMatchObject({
      code: 'MR_LOG_DAMAGED',
      details: {
        file: `${DIRECTORY}/${segmentName(1)}`,
        offset: (first?.offset ?? 0) - 44,
        reason: 'the checksum of a record does not match',
        lost:
          `positions 54 to ${String((made.refs[1]?.position ?? 0) - 44)}: ` +
          '1 record, 0 of them of batches; what follows can be read',
      },
    })
  })

  it('is found when the length of a group is what flipped', async () => {
    const made = await make([100, 100, 100], false)
    const at = (made.refs[0]?.offset ?? 0) - 44 + 4
    await change(made.fs, segmentName(1), (bytes) => flip(bytes, at * 8 + 9))
    expect(await failureOf(open(made.fs))).toMatchObject({ code: 'MR_LOG_DAMAGED' })
  })

  it('is a log that ends before what the checkpoint has proven', async () => {
    const made = await make([100, 100], true)
    const opened = await open(made.fs, { provenDurable: 400 })
    await opened.log.close()
    const beyond = failureOf(open(made.fs, { provenDurable: 100_000 }))
    expect(await beyond).toMatchObject({ code: 'MR_LOG_DAMAGED' })
    const nothing = failureOf(open(new MemoryFileSystem(), { provenDurable: 1 }))
    expect(await nothing).toMatchObject({ code: 'MR_LOG_DAMAGED' })
  })

  it('is the only group of a log that begins above 0: its release was the proof', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    for (let i = 0; i < 30; i++) await log.append(entryOf('x'.repeat(500)))
    await log.release(log.end)
    const name = (await segmentsOf(fs))[0] ?? ''
    await change(fs, name, (bytes) => bytes.fill(0, 4096))
    expect(await failureOf(open(fs))).toMatchObject({ code: 'MR_LOG_DAMAGED' })
    await log.close()
  })
})

describe('a missing segment', () => {
  it.each([2, 3, 4])('number %d of 4 is refused', async (number) => {
    const made = await make(
      Array.from({ length: 80 }, () => 500),
      false,
    )
    expect(await segmentsOf(made.fs)).toHaveLength(4)
    await made.fs.unlink(`${DIRECTORY}/${segmentName(number)}`)
    const before = await fingerprintOf(made.fs)
    expect(await failureOf(open(made.fs))).toMatchObject({ code: 'MR_LOG_DAMAGED' })
    expect(await fingerprintOf(made.fs)).toEqual(before)
  })

  it('is found after a restart too: each life seals the segment before its own', async () => {
    const made = await make([100], true)
    const second = await open(made.fs)
    await second.log.append(entryOf('acknowledged'))
    await made.fs.unlink(`${DIRECTORY}/${segmentName(2)}`)
    expect(await failureOf(open(made.fs))).toMatchObject({
      code: 'MR_LOG_DAMAGED',
      details: { reason: 'segment 2, which follows, is missing' },
    })
    await second.log.close()
  })

  it('is found when another took its name', async () => {
    const made = await make(
      Array.from({ length: 80 }, () => 500),
      false,
    )
    const path = (number: number): string => `${DIRECTORY}/${segmentName(number)}`
    await made.fs.unlink(path(3))
    await made.fs.writeFileDurably(path(3), await made.fs.readFile(path(2)))
    expect(await failureOf(open(made.fs))).toMatchObject({
      code: 'MR_LOG_DAMAGED',
      details: { reason: 'the header is of segment 2' },
    })
  })
})

describe('a directory that is not ours', () => {
  it('of another identity is refused, every byte untouched', async () => {
    const made = await make([100, 200], false)
    const before = await fingerprintOf(made.fs)
    const error = await failureOf(open(made.fs, { identity: new Uint8Array(16).fill(9) }))
    expect(error).toMatchObject({ code: 'MR_DIRECTORY_FOREIGN' })
    expect(await fingerprintOf(made.fs)).toEqual(before)
  })

  it('of a newer version is refused, every byte untouched', async () => {
    const made = await make([100, 200], false)
    await change(made.fs, segmentName(1), (bytes) => {
      bytes[8] = 2
      const sum = crc32c(bytes.subarray(0, 4092))
      new DataView(bytes.buffer).setUint32(4092, sum, true)
      return bytes
    })
    const before = await fingerprintOf(made.fs)
    const error = await failureOf(open(made.fs))
    expect(error).toMatchObject({ code: 'MR_DIRECTORY_NEWER', details: { version: 2 } })
    expect(await fingerprintOf(made.fs)).toEqual(before)
  })

  it('whose epochs go down is refused, every byte untouched', async () => {
    const made = await make([100], true)
    const { log } = await open(made.fs)
    await log.close()
    await change(made.fs, segmentName(1), (bytes) => {
      bytes[40] = 9
      new DataView(bytes.buffer).setUint32(4092, crc32c(bytes.subarray(0, 4092)), true)
      return bytes
    })
    const before = await fingerprintOf(made.fs)
    expect(await failureOf(open(made.fs))).toMatchObject({ code: 'MR_LOG_DAMAGED' })
    expect(await fingerprintOf(made.fs)).toEqual(before)
  })
})

describe('a torn tail', () => {
  it('is cut once and for all: what lay there never comes back, and positions go on', async () => {
    const made = await make([100, 100, 100], false)
    const third = made.refs[2]
    await change(made.fs, segmentName(1), (bytes) => flip(bytes, ((third?.offset ?? 0) + 30) * 8))
    const second = await open(made.fs)
    expect(second.report).toMatchObject({ tornBytes: 44 + 9 + 100, records: 3 })
    expect(second.report.end).toBe((third?.position ?? 0) - 44)
    const ref = await second.log.append(entryOf('instead'))
    expect(ref.epoch).toBe(2)
    await second.log.close()
    await change(made.fs, segmentName(1), (bytes) => flip(bytes, ((third?.offset ?? 0) + 30) * 8))
    const again = await open(made.fs)
    expect(again.applied).toEqual([...made.texts.slice(0, 2), 'instead'])
    await again.log.close()
    const reader = new RecordReader(made.fs, DIRECTORY)
    expect(textOf(reader.readSync(ref).payload)).toBe('instead')
    await reader.close()
  })

  it('that holds is written again and synced before anything builds on it', async () => {
    const made = await make([100, 100, 100], false)
    const writes: string[] = []
    const fs = watched(made.fs, { before: (effect) => writes.push(effect) })
    const before = await made.fs.readFile(`${DIRECTORY}/${segmentName(1)}`)
    const { log } = await open(fs)
    const after = await made.fs.readFile(`${DIRECTORY}/${segmentName(1)}`)
    const end = (made.refs[2]?.offset ?? 0) + 109
    expect(writes.slice(0, 2)).toEqual(['appendSync', 'create'])
    expect(Buffer.compare(before.subarray(0, end), after.subarray(0, end))).toBe(0)
    await log.close()
  })

  it('that cannot be written again refuses the log', async () => {
    const made = await make([100, 100, 100], false)
    const before = await fingerprintOf(made.fs)
    const fs = watched(made.fs, {
      before: (effect) => {
        if (effect === 'appendSync') throw new Error('EIO')
      },
    })
    expect(String(await failureOf(open(fs)))).toContain('EIO')
    expect(await fingerprintOf(made.fs)).toBe(before)
  })
})
