/** The record of a staged file in a commit. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { decodeStagedFile, encodeStagedFile } from '../../src/sinks/staged-file.ts'

const file = {
  staging: '/d/.o-1.staged-0-1',
  target: '/d/o-1',
  name: 'part-00000',
  bytes: 10,
  crc32c: 0xdeadbeef,
}

describe('a staged file', () => {
  it('has format 1, byte by byte', () => {
    const parts = [
      '01', // version
      '122f642f2e6f2d312e7374616765642d302d31', // staging
      '062f642f6f2d31', // target
      '0a706172742d3030303030', // name
      '0a00000000000000', // bytes
      'efbeadde', // crc32c
    ]
    expect(Buffer.from(encodeStagedFile(file)).toString('hex')).toBe(parts.join(''))
  })

  test.prop([
    fc.record({
      staging: fc.string({ unit: 'grapheme' }),
      target: fc.string({ unit: 'grapheme' }),
      name: fc.string(),
      bytes: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      crc32c: fc.nat({ max: 0xffff_ffff }),
    }),
  ])('is read as it was written', (any) => {
    expect(decodeStagedFile(encodeStagedFile(any))).toEqual(any)
  })

  it('is refused when cut anywhere, too long, or of a newer format', () => {
    const bytes = encodeStagedFile(file)
    const damaged = expect.objectContaining({ code: 'MR_CHECKPOINT_DAMAGED' }) as Error
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeStagedFile(bytes.subarray(0, length))).toThrow(damaged)
    }
    expect(() => decodeStagedFile(Buffer.concat([bytes, Buffer.of(0)]))).toThrow(damaged)
    const newer = Uint8Array.from(bytes)
    newer[0] = 2
    expect(() => decodeStagedFile(newer)).toThrow(
      expect.objectContaining({ code: 'MR_DIRECTORY_NEWER' }),
    )
  })
})
