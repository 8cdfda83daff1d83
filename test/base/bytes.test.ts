/** The writer and the bounded reader are each other's inverse. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ByteReader,
  ByteWriter,
  compareBytes,
  copyBytes,
  equalBytes,
  equalParts,
} from '../../src/base/bytes.ts'

const safe = fc.maxSafeNat()

describe('ByteReader', () => {
  it('reads what ByteWriter wrote, whatever its first capacity', () => {
    const value = fc.record({
      small: fc.nat(255),
      word: fc.nat(0xffff_ffff),
      long: safe,
      real: fc.double(),
      count: safe,
      bytes: fc.uint8Array(),
      text: fc.string({ unit: 'grapheme' }),
    })
    fc.assert(
      fc.property(fc.array(value), fc.nat(40), (values, capacity) => {
        const writer = new ByteWriter(capacity)
        for (const v of values) {
          writer.u8(v.small).u32(v.word).u64(v.long).f64(v.real).varint(v.count)
          writer.bytes(v.bytes).text(v.text)
        }
        const reader = new ByteReader(writer.finish())
        for (const v of values) {
          expect(reader.u8()).toBe(v.small)
          expect(reader.u32()).toBe(v.word)
          expect(reader.u64()).toBe(v.long)
          expect(reader.f64()).toBe(v.real)
          expect(reader.varint()).toBe(v.count)
          expect(equalBytes(reader.bytes(), v.bytes)).toBe(true)
          expect(reader.text()).toBe(v.text)
        }
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  it('reads nothing past the end, and nothing over 2^53', () => {
    const none = new ByteReader(new Uint8Array(0))
    for (const read of ['u8', 'u32', 'u64', 'f64', 'varint', 'bytes', 'text', 'peek'] as const) {
      expect(() => none[read]()).toThrow(RangeError)
    }
    expect(() => new ByteReader(Uint8Array.of(5, 1)).bytes()).toThrow(RangeError)
    expect(() => new ByteReader(new Uint8Array(9).fill(0xff)).varint()).toThrow(RangeError)
    expect(() => new ByteReader(new Uint8Array(8).fill(0xff)).u64()).toThrow(RangeError)
    expect(() => none.raw(-1)).toThrow(RangeError)
  })

  it('refuses text that is no UTF-8', () => {
    expect(() => new ByteReader(Uint8Array.of(1, 0xff)).text()).toThrow(TypeError)
  })

  it('reads a view, and ByteWriter finishes with a copy', () => {
    const writer = new ByteWriter().u8(1).u8(2)
    const copy = writer.finish()
    writer.clear()
    writer.u8(9)
    expect([...copy]).toEqual([1, 2])
    expect([...writer.view()]).toEqual([9])
    const bytes = Uint8Array.of(1, 2, 3)
    const view = new ByteReader(bytes, 1).raw(2)
    bytes[1] = 7
    expect([...view]).toEqual([7, 3])
  })

  it('leaves a peeked byte unread', () => {
    const reader = new ByteReader(Uint8Array.of(4, 5))
    expect([reader.peek(), reader.u8(), reader.peek(), reader.position]).toEqual([4, 4, 5, 1])
  })
})

describe('bytes', () => {
  it('compare as unsigned numbers from the left', () => {
    const sign = (a: number[], b: number[]): number =>
      Math.sign(compareBytes(Uint8Array.from(a), Uint8Array.from(b)))
    expect([sign([1], [255]), sign([1, 0], [1]), sign([], []), sign([2], [1, 9])]).toEqual([
      -1, 1, 0, 1,
    ])
  })
})

describe('parts of arrays', () => {
  it('are copied and compared like slices, whatever their length', () => {
    const bytes = fc.uint8Array({ minLength: 200, maxLength: 200 })
    fc.assert(
      fc.property(bytes, fc.nat(100), fc.nat(100), fc.nat(100), (source, from, length, at) => {
        const part = source.slice(from, from + length)
        const target = new Uint8Array(200)
        copyBytes(source, from, length, target, at)
        const written = new ByteWriter(1).part(source, from, length).finish()
        expect(target.slice(at, at + length)).toEqual(part)
        expect(written).toEqual(part)
        expect(equalParts(source, from, target, at, length)).toBe(true)
        if (length === 0) return
        const last = at + length - 1
        target[last] = (target[last] ?? 0) ^ 1
        expect(equalParts(source, from, target, at, length)).toBe(false)
      }),
    )
  })
})
