/** Format version 1, byte by byte: these bytes never change; a new format is a new version. */
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { decodeGroupHeader, decodeRecord, encodeGroup, GROUP_ROLE } from '../../wal/group-format.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import { decodeSegmentHeader, encodeSegmentHeader } from '../../wal/segment-format.ts'
import { segmentName, segmentNumberOf, spareName, spareOriginOf } from '../../wal/segment-format.ts'
import { bytesOf, DIRECTORY, entryOf, flip, IDENTITY, open } from './support.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

const header = { number: 3, identity: IDENTITY, epoch: 2, base: 1000, zeroed: true }

describe('the header of a segment', () => {
  it('is these bytes', () => {
    const bytes = encodeSegmentHeader(header)
    expect(bytes.length).toBe(4096)
    expect(hex(bytes.subarray(0, 56))).toBe(
      '4d524c4f47534547' + // MRLOGSEG
        '01000000' + // version
        '01000000' + // zero-filled
        '0300000000000000' + // segment number
        '0102030405060708090a0b0c0d0e0f10' + // identity
        '0200000000000000' + // epoch
        'e803000000000000', // base
    )
    expect(bytes.subarray(56, 4092).every((byte) => byte === 0)).toBe(true)
    expect(hex(bytes.subarray(4092))).toBe('acb5143b')
  })

  it('comes back as it was', () => {
    expect(decodeSegmentHeader(encodeSegmentHeader(header))).toEqual({ kind: 'header', header })
  })

  it('is damaged by any flipped bit', () => {
    for (let bit = 0; bit < 4096 * 8; bit += 7) {
      const decoded = decodeSegmentHeader(flip(encodeSegmentHeader(header), bit))
      expect(decoded.kind).toBe('damaged')
    }
  })
})

const place = { position: 1000, epoch: 2, durable: 990, identity: IDENTITY }

describe('a group', () => {
  const target = new Uint8Array(200)
  const length = encodeGroup(target, { ...place, role: GROUP_ROLE.records }, [
    entryOf('hello'),
    { kind: RECORD_KIND.batchCleanup, parts: [Uint8Array.of(1), Uint8Array.of(2, 3)] },
  ])
  const bytes = target.subarray(0, length)

  it('is these bytes', () => {
    expect(hex(bytes)).toBe(
      '4d52473146000000e8030000000000000200000000000000de03000000000000' +
        '0200000000000000cd26bedb0500000032e9b1900168656c6c6f03000000e959' +
        '4d8603010203',
    )
  })

  it('comes back as it was', () => {
    const found = decodeGroupHeader(bytes, 0, IDENTITY)
    expect(found).toEqual({ length, position: 1000, epoch: 2, durable: 990, count: 2, role: 0 })
    const first = decodeRecord(bytes.subarray(44), 1044, 2)
    expect(first).toEqual({ kind: 1, payload: bytesOf('hello'), bytes: 14 })
    const second = decodeRecord(bytes.subarray(58), 1058, 2)
    expect(second).toEqual({ kind: 3, payload: Uint8Array.of(1, 2, 3), bytes: 12 })
  })

  it('belongs to one directory only', () => {
    expect(decodeGroupHeader(bytes, 0, IDENTITY.slice().fill(9))).toBeUndefined()
  })

  it('holds no record of another position or epoch', () => {
    expect(typeof decodeRecord(bytes.subarray(44), 1045, 2)).toBe('string')
    expect(typeof decodeRecord(bytes.subarray(44), 1044, 3)).toBe('string')
  })

  it('is found out when any bit flips', () => {
    for (let bit = 0; bit < length * 8; bit++) {
      const flipped = flip(bytes.slice(), bit)
      const found = decodeGroupHeader(flipped, 0, IDENTITY)
      const first = decodeRecord(flipped.subarray(44), 1044, 2)
      const second = decodeRecord(flipped.subarray(58), 1058, 2)
      const whole = found !== undefined && typeof first === 'object' && typeof second === 'object'
      expect(whole, `bit ${String(bit)}`).toBe(false)
    }
  })
})

describe('file names', () => {
  it('sort as their numbers do and come back', () => {
    expect(segmentName(12)).toBe('00000000000000000012.wal')
    expect(segmentNumberOf(segmentName(12))).toBe(12)
    expect(segmentNumberOf('12.wal')).toBeUndefined()
    expect(spareOriginOf(spareName('recycled', 3))).toBe('recycled')
    expect(spareOriginOf(spareName('zeroed', 3))).toBe('zeroed')
    expect(spareOriginOf(segmentName(3))).toBeUndefined()
  })
})

describe('a whole log', () => {
  it('is these bytes after one record and a clean close', async () => {
    const fs = new MemoryFileSystem()
    const { log } = await open(fs)
    await log.append(entryOf('hello'))
    await log.close()
    const bytes = await fs.readFile(`${DIRECTORY}/${segmentName(1)}`)
    expect(bytes.length).toBe(16_384)
    expect(hex(bytes.subarray(4096, 4096 + 54 + 58 + 44))).toBe(
      '4d52473136000000000000000000000001000000000000000000000000000000' +
        '0100000001000000b01f67380100000028a051c404304d5247313a0000003600' +
        '000000000000010000000000000036000000000000000100000000000000b620' +
        '215405000000d5865a0a0168656c6c6f4d5247312c0000007000000000000000' +
        '0100000000000000700000000000000000000000020000008dd55fbc',
    )
    expect(bytes.subarray(4096 + 54 + 58 + 44).every((byte) => byte === 0)).toBe(true)
  })
})
