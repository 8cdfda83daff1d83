/** Frames of rows between processes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isMillraceError } from '../../src/base/errors.ts'
import {
  decodeFrame,
  decodePairs,
  encodeFrame,
  encodePairs,
  type Section,
} from '../../src/dataset/shuffle-frame.ts'

const key = fc.oneof(fc.string(), fc.integer(), fc.bigInt(), fc.constant(null))
const value = fc.oneof(
  fc.double(),
  fc.string({ unit: 'grapheme' }),
  fc.date({ noInvalidDate: true }),
  fc.array(fc.integer()),
  fc.dictionary(fc.string(), fc.integer()),
)
const row = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, fc.double()) },
  { weight: 2, arbitrary: fc.tuple(key, value) },
  { weight: 1, arbitrary: value },
)
const rows = fc.oneof(fc.array(fc.tuple(key, fc.double())), fc.array(row))
const section: fc.Arbitrary<Section<unknown>> = fc.record({
  source: fc.nat(5000),
  target: fc.nat(5000),
  rows,
})

describe('a frame', () => {
  it('brings back what went in, without the empty sections', () => {
    fc.assert(
      fc.property(fc.array(section, { maxLength: 6 }), (sections) => {
        const back = decodeFrame(encodeFrame(sections))
        expect(back).toEqual(sections.filter((s) => s.rows.length > 0))
      }),
    )
  })

  it('keeps -0, NaN, lone surrogates, and what structured clone keeps', () => {
    const odd = [
      ['\ud800', -0],
      ['k', NaN],
      ['d', new Date(5)],
      ['m', new Map([[1n, new Set(['x'])]])],
    ]
    const [first] = decodeFrame(encodeFrame([{ source: 0, target: 0, rows: odd }]))
    expect(first?.rows).toEqual(odd)
  })

  it('is the same for pairs in rows and in columns, which come back either way', () => {
    const pairs = fc.array(fc.array(fc.tuple(key, value)), { maxLength: 5 })
    fc.assert(
      fc.property(pairs, (lists) => {
        const rowSections = lists.map((rows, source) => ({ source, target: 7, rows }))
        const columns = rowSections.map(({ source, target, rows }) => {
          return { source, target, keys: rows.map(([k]) => k), values: rows.map(([, v]) => v) }
        })
        const frame = encodePairs(columns)
        expect(frame).toEqual(encodeFrame(rowSections))
        expect(decodePairs(frame)).toEqual(columns.filter(({ keys }) => keys.length > 0))
      }),
    )
  })

  it('is refused as columns when a row of it is no pair', () => {
    const frame = encodeFrame([{ source: 0, target: 0, rows: ['a'] }])
    expect(() => decodePairs(frame)).toThrow(expect.objectContaining({ code: 'MR_PROTOCOL' }))
  })

  it('is small for numbers by word', () => {
    const counts = Array.from({ length: 1000 }, (_, i) => [`w${String(i)}`, i])
    expect(encodeFrame([{ source: 0, target: 0, rows: counts }]).length).toBeLessThan(15_500)
  })

  it('refuses every cut and every extension', () => {
    const sections = [
      { source: 1, target: 2, rows: [['a', 1]] },
      { source: 3, target: 2, rows: ['b', { c: 1 }] },
    ]
    const frame = encodeFrame(sections)
    for (let length = 0; length < frame.length; length++) {
      const cut = (): unknown => decodeFrame(frame.subarray(0, length))
      expect(errorOf(cut)).toSatisfy((error) => isMillraceError(error, 'MR_PROTOCOL'))
    }
    const empty = Buffer.concat([encodeFrame([]), Uint8Array.of(0)])
    expect(errorOf(() => decodeFrame(empty))).toSatisfy(isMillraceError)
  })

  it('never breaks out of its errors on random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const error = errorOf(() => decodeFrame(Uint8Array.of(1, 0, ...bytes)))
        expect(error === undefined || isMillraceError(error, 'MR_PROTOCOL')).toBe(true)
      }),
    )
  })

  it('does not take rows that are no data', () => {
    expect(() => encodeFrame([{ source: 0, target: 0, rows: [() => 1] }])).toThrow()
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
