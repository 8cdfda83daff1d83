/** Keys: equality, order and hash are those of the canonical bytes, and nothing else. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareBytes, equalBytes } from '../../src/base/bytes.ts'
import { isMillraceError } from '../../src/base/errors.ts'
import {
  decodeKey,
  encodeKey,
  hashBytes,
  hashKey,
  KEY_BYTES_MAX,
  mapKey,
  partitionOf,
  type Key,
} from '../../src/base/keys.ts'

const text = fc.oneof(
  fc.string({ unit: 'binary-ascii' }),
  fc.string({ unit: 'grapheme' }),
  fc.string({
    unit: fc.constantFrom('\u0000', '\u00ff', '\uffff', '\ud800', '\udc00', 'a', '\u0001'),
  }),
)
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity))
const primitive = fc.oneof(text, number, fc.bigInt(), fc.boolean(), fc.constant(null))
const bytes = fc.uint8Array({ maxLength: 6 })
const key: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof(
    { weight: 5, arbitrary: primitive },
    { weight: 1, arbitrary: bytes },
    { weight: 2, arbitrary: fc.array(tie('key'), { maxLength: 3 }) },
  ),
})).key

/** Equality of keys, said without bytes. */
function same(a: Key, b: Key): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && String(a) === String(b)
  }
  if (typeof a === 'object' && a !== null && typeof b === 'object' && b !== null) {
    return a.length === b.length && a.every((part, i) => same(part, b[i] ?? null))
  }
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}

const order = (a: Key, b: Key): number => Math.sign(compareBytes(encodeKey(a), encodeKey(b)))

describe('keys', () => {
  it('are equal exactly when their bytes are, and then their hashes and map keys are', () => {
    const near = fc.oneof(
      fc.tuple(key, key),
      key.map((k): [Key, Key] => [k, k]),
    )
    fc.assert(
      fc.property(near, ([a, b]) => {
        const equal = same(a, b)
        expect(equalBytes(encodeKey(a), encodeKey(b))).toBe(equal)
        expect(new Set([mapKey(a), mapKey(b)]).size).toBe(equal ? 1 : 2)
        if (equal) expect(hashKey(a)).toBe(hashKey(b))
      }),
      { numRuns: 2000 },
    )
  })

  it('of few kinds that look alike stay apart', () => {
    const alike: Key[] = [0, 0n, '0', '', null, false, [], [[]], [0], [null], new Uint8Array(0)]
    alike.push('\uffff\u0000', '\uffff', Uint8Array.of(0), Uint8Array.of(48))
    alike.push(String(mapKey([0])), String(mapKey('\uffff')))
    expect(new Set(alike.map((k) => Buffer.from(encodeKey(k)).toString('hex'))).size).toBe(
      alike.length,
    )
    expect(new Set(alike.map(mapKey)).size).toBe(alike.length)
  })

  it('come back from their bytes', () => {
    fc.assert(
      fc.property(key, (k) => {
        const back = decodeKey(encodeKey(k))
        expect(same(back, k)).toBe(true)
        expect(equalBytes(encodeKey(back), encodeKey(k))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('are ordered as numbers, as bigints, by code point, and element by element', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (a, b) => {
        expect(order(a, b)).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        expect(order(a, b)).toBe(a < b ? -1 : a > b ? 1 : 0)
      }),
    )
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(order(a, b)).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))))
      }),
    )
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.array(fc.integer()), (a, b) => {
        const at = a.findIndex((x, i) => x !== b[i])
        const wanted = at < 0 || at >= b.length ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? 0)
        expect(order(a, b)).toBe(Math.sign(wanted))
      }),
    )
  })

  it('sort by kind first', () => {
    const kinds: Key[] = [null, false, true, -1, 1, NaN, -1n, 1n, 'z', new Uint8Array(1), ['a']]
    for (let i = 1; i < kinds.length; i++) {
      expect(order(kinds[i - 1] ?? null, kinds[i] ?? null)).toBe(-1)
    }
  })

  it('hash without bytes as they do with them', () => {
    fc.assert(
      fc.property(key, (k) => {
        expect(hashKey(k)).toBe(hashBytes(encodeKey(k)))
        expect(hashKey(k)).toBe(hashKey(k) >>> 0)
      }),
      { numRuns: 1000 },
    )
  })

  it('spread evenly over partitions', () => {
    const counts = Array.from({ length: 16 }, () => 0)
    for (let i = 0; i < 16_000; i++) {
      const p = partitionOf(hashKey(`user-${String(i)}`), 16)
      counts[p] = (counts[p] ?? 0) + 1
    }
    expect(Math.min(...counts)).toBeGreaterThan(800)
    expect(Math.max(...counts)).toBeLessThan(1200)
  })

  it('refuse what is no key, too long, or nested too deep', () => {
    let deep: Key = []
    for (let i = 0; i < 70; i++) deep = [deep]
    // @ts-expect-error these are no keys, which untyped code may try
    const none: Key[] = [new Date(0), {}, undefined, () => 1, Symbol('s'), new Map()]
    for (const bad of [...none, ['a', ...none.slice(0, 1)], deep, 'x'.repeat(KEY_BYTES_MAX)]) {
      expect(errorOf(() => encodeKey(bad))).toSatisfy((e) => isMillraceError(e, 'MR_KEY_INVALID'))
    }
    expect(encodeKey('x'.repeat(KEY_BYTES_MAX - 2)).length).toBe(KEY_BYTES_MAX)
  })

  it('are never read from bytes that no key has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 12 }), (random) => {
        let back: Key
        try {
          back = decodeKey(random)
        } catch (error) {
          expect(error).toSatisfy((e) => e instanceof RangeError || e instanceof TypeError)
          return
        }
        expect(order(back, decodeKey(encodeKey(back)))).toBe(0)
      }),
      { numRuns: 2000 },
    )
  })

  it('are of one greatest length, hashed or encoded, ASCII or not', () => {
    for (const letter of ['a', 'é']) {
      const most = (65_536 - 2) / Buffer.byteLength(letter)
      const key = letter.repeat(most)
      expect(hashKey(key)).toBe(hashBytes(encodeKey(key)))
      expect(() => hashKey(key + letter)).toThrow('the limit is 65536')
      expect(() => encodeKey(key + letter)).toThrow('the limit is 65536')
    }
  })

  it('have these bytes for good', () => {
    const hex = (k: Key): string => Buffer.from(encodeKey(k)).toString('hex')
    expect([null, false, true, 0, -1, 1n, -256n].map(hex)).toEqual([
      '01',
      '02',
      '03',
      '108000000000000000',
      '10400fffffffffffff',
      '190000000101',
      '17fffffffdfeff',
    ])
    expect(['a\u0000b', '\ud800', Uint8Array.of(0), ['a', [1n]]].map(hex)).toEqual([
      '206100ff6200',
      '21d800ff00',
      '2800ff00',
      '30206100301900000001010000',
    ])
  })
})

function errorOf(f: () => unknown): unknown {
  try {
    f()
    return undefined
  } catch (error) {
    return error
  }
}
