/** Values of state as JSON. */
import { describe, expect, it } from 'vitest'
import { valueToJson } from '../../src/admin/value-json.ts'

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const twice = { n: 1 }

describe('a value as JSON', () => {
  it.each<[string, unknown, unknown]>([
    ['a plain one', { a: [1, 'x', null, true] }, { a: [1, 'x', null, true] }],
    ['numbers', [NaN, -Infinity, 0.5], [{ number: 'NaN' }, { number: '-Infinity' }, 0.5]],
    ['a bigint', 12n, { bigint: '12' }],
    ['bytes', Uint8Array.of(1, 2, 3), { bytes: 'AQID' }],
    ['a buffer', Uint8Array.of(1, 2, 3).buffer, { bytes: 'AQID' }],
    ['other arrays', Float64Array.of(1.5, NaN), [1.5, { number: 'NaN' }]],
    ['a date', new Date(0), { date: '1970-01-01T00:00:00.000Z' }],
    ['no date', new Date(NaN), { date: 'invalid' }],
    ['a map', new Map([[1n, new Date(NaN)]]), { map: [[{ bigint: '1' }, { date: 'invalid' }]] }],
    ['a set', new Set(['a', undefined]), { set: ['a', { undefined: true }] }],
    ['an error', new TypeError('no'), { error: 'TypeError: no' }],
    ['an expression', /a/g, '/a/g'],
    ['a cycle', cyclic, { self: { cycle: true } }],
    ['the same twice', [twice, twice], [{ n: 1 }, { n: 1 }]],
  ])('says what it was: %s', (_what, value, json) => {
    expect(valueToJson(value)).toEqual(json)
    expect(JSON.parse(JSON.stringify(valueToJson(value)))).toEqual(json)
  })
})
