/**
 * State codecs: what comes back, what is refused, and that nothing shares memory with the bytes.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeValue, encodeValue, json, structured, type Codec } from '../../src/base/codec.ts'
import { isMillraceError } from '../../src/base/errors.ts'

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

function caught(f: () => unknown): unknown {
  try {
    return f()
  } catch (error) {
    return error
  }
}

const text = fc
  .array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: 20 })
  .map((points) => String.fromCodePoint(...points))

describe('the structured codec', () => {
  const codec = structured<unknown>()
  const back = (value: unknown): unknown => decodeValue(codec, encodeValue(codec, value))

  it('gives numbers and strings back exactly, odd ones included', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), text), (value) => {
        expect(Object.is(back(value), value)).toBe(true)
      }),
    )
    for (const value of [-0, NaN, Infinity, '', 'lone \ud800 surrogate', '\u0000']) {
      expect(Object.is(back(value), value)).toBe(true)
    }
  })

  it('gives back what structured clone keeps', () => {
    const value = {
      map: new Map([[1n, new Set(['a'])]]),
      date: new Date(5),
      bytes: new Uint8Array([1, 2, 3]),
      nothing: undefined,
      list: [null, true],
    }
    expect(back(value)).toEqual(value)
    expect(back(undefined)).toBeUndefined()
  })

  it('returns typed arrays that do not lie in the bytes it was given', () => {
    const stored = encodeValue(codec, { a: new Uint8Array([1, 2, 3]) })
    const decoded = decodeValue(structured<{ a: Uint8Array }>(), stored)
    stored.fill(0xff)
    expect([...decoded.a]).toEqual([1, 2, 3])
  })

  it('stores numbers and strings in these bytes', () => {
    expect(hexOf(encodeValue(codec, 1))).toBe('0101000000000000f03f')
    expect(hexOf(encodeValue(codec, 'hé'))).toBe('010268c3a9')
  })

  it('refuses an unknown tag and bytes without a version', () => {
    expect(() => decodeValue(codec, new Uint8Array([1, 9]))).toThrow(/begins with 9/)
    expect(() => decodeValue(codec, new Uint8Array(0))).toThrow(RangeError)
  })
})

describe('the JSON codec', () => {
  it('gives JSON values back', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const codec = json<unknown>()
        expect(decodeValue(codec, encodeValue(codec, value))).toEqual(
          JSON.parse(JSON.stringify(value)),
        )
      }),
    )
  })

  it('refuses a value JSON has no text for, and bytes that are not UTF-8', () => {
    expect(() => json<unknown>().encode(undefined)).toThrow(/undefined/)
    expect(() => json<unknown>().encode(() => 1)).toThrow(/function/)
    expect(() => json<unknown>().decode(new Uint8Array([0xff]), 2)).toThrow(TypeError)
  })

  it('stores values in these bytes', () => {
    expect(hexOf(encodeValue(json<number[]>(), [1]))).toBe('025b315d')
  })
})

describe('the two codecs', () => {
  it('read what the other wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (generated) => {
        const value: unknown = JSON.parse(JSON.stringify(generated))
        const [a, b] = [structured<unknown>(), json<unknown>()]
        expect(decodeValue(b, encodeValue(a, value))).toEqual(value)
        expect(decodeValue(a, encodeValue(b, value))).toEqual(value)
      }),
    )
  })

  it.each([
    ['structured', structured<unknown>()],
    ['json', json<unknown>()],
  ] as const)('refuse a version that is neither’s: %s', (name, codec) => {
    for (const version of [0, 3, 300]) {
      const stored = encodeValue({ ...codec, version }, 1)
      const error = caught(() => decodeValue(codec, stored))
      expect(isMillraceError(error, 'MR_STATE_DAMAGED')).toBe(true)
      expect(String(error)).toContain(`codec version ${String(version)}, and the ${name} codec`)
      expect(String(error)).toContain('reads versions 1 (structured) and 2 (json) alone')
    }
  })
})

describe('a codec of several versions', () => {
  it('is told the version a value was stored under', () => {
    const one: Codec<number> = {
      version: 1,
      encode: (n) => new Uint8Array([n]),
      decode: (bytes) => bytes[0] ?? 0,
    }
    const three: Codec<number> = {
      version: 300,
      encode: (n) => new Uint8Array([n, n]),
      decode: (bytes, version) => (version === 1 ? (bytes[0] ?? 0) * 100 : (bytes[1] ?? 0)),
    }
    expect(decodeValue(three, encodeValue(one, 4))).toBe(400)
    expect(decodeValue(three, encodeValue(three, 4))).toBe(4)
  })
})
