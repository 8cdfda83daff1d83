/** Single records by reference, from outside the log. */
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { RecordReader } from '../../wal/reader.ts'
import type { RecordRef } from '../../wal/record.ts'
import { change, DIRECTORY, entryOf, flip, open, segmentsOf, textOf } from './support.ts'

const texts = (n: number): string[] =>
  Array.from({ length: n }, (_, i) => `${String(i)}:`.padEnd(500, 'x'))

describe('a record reader', () => {
  it('reads every record of an open log, over more segments than it keeps open', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    const reader = new RecordReader(fs, DIRECTORY)
    const refs = await Promise.all(texts(240).map((text) => log.append(entryOf(text))))
    expect((await segmentsOf(fs)).length).toBeGreaterThan(8)
    for (let round = 0; round < 2; round++) {
      for (const [i, ref] of refs.entries()) {
        expect(textOf(reader.readSync(ref).payload)).toBe(texts(240)[i])
      }
    }
    await reader.close()
    await reader.close()
    expect(() => reader.readSync({ ...refs[0], ...fake })).toThrow('closed')
    await log.close()
  })

  it('never takes a recycled segment for the one it was', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    const old = await Promise.all(texts(60).map((text) => log.append(entryOf(text))))
    const early = new RecordReader(fs, DIRECTORY)
    for (const ref of old) early.readSync(ref)
    await log.release(log.end)
    await Promise.all(texts(100).map((text) => log.append(entryOf(text.toUpperCase()))))
    const late = new RecordReader(fs, DIRECTORY)
    let refused = 0
    for (const reader of [early, late]) {
      for (const [i, ref] of old.entries()) {
        try {
          expect(textOf(reader.readSync(ref).payload)).toBe(texts(60)[i])
        } catch (error) {
          expect(error).toMatchObject({ code: 'MR_LOG_DAMAGED' })
          refused += 1
        }
      }
    }
    expect(refused).toBeGreaterThan(40)
    await early.close()
    await late.close()
    await log.close()
  })

  it('names file and offset of a flipped bit, a wrong reference, a missing segment', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    const ref = await log.append(entryOf('hello'))
    await log.close()
    const reader = new RecordReader(fs, DIRECTORY)
    const name = (await segmentsOf(fs))[0] ?? ''
    const wrong: RecordRef[] = [
      { ...ref, epoch: ref.epoch + 1 },
      { ...ref, position: ref.position + 1 },
      { ...ref, length: ref.length - 1 },
      { ...ref, length: ref.length + 1 },
      { ...ref, offset: 1e9 },
      { ...ref, segment: 77 },
    ]
    for (const other of wrong) {
      expect(() => reader.readSync(other)).toThrow(
        expect.objectContaining({
          code: 'MR_LOG_DAMAGED',
          details: expect.objectContaining({ offset: other.offset }) as unknown,
        }) as Error,
      )
    }
    await reader.close()
    await change(fs, name, (bytes) => flip(bytes, (ref.offset + 10) * 8))
    const after = new RecordReader(fs, DIRECTORY)
    expect(() => after.readSync(ref)).toThrow(`${name} at byte ${String(ref.offset)}`)
    await after.close()
  })
})

const fake: RecordRef = { position: 0, segment: 1, offset: 4096, length: 1, epoch: 1 }
