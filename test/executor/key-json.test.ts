/** Keys as JSON data: what stands for which key, and what for none. */
import { describe, expect, it } from 'vitest'
import type { Key } from '../../src/base/keys.ts'
import { keyFromJson } from '../../src/executor/key-json.ts'

describe('a key as JSON', () => {
  it.each<[unknown, Key]>([
    ['word', 'word'],
    [1.5, 1.5],
    [null, null],
    [true, true],
    [
      ['a', ['b', 2]],
      ['a', ['b', 2]],
    ],
    [{ bigint: '-12345678901234567890' }, -12345678901234567890n],
    [{ number: 'NaN' }, NaN],
    [
      ['a', { number: 'NaN' }],
      ['a', NaN],
    ],
    [{ number: 'Infinity' }, Infinity],
    [{ number: '-Infinity' }, -Infinity],
    [{ bytes: 'AQID' }, new Uint8Array([1, 2, 3])],
  ])('%j is a key', (json, key) => {
    expect(keyFromJson(json)).toEqual(key)
  })

  it.each([
    {},
    { bigint: '1x' },
    { bigint: 1 },
    { bytes: '*' },
    { number: '1' },
    { a: 'b' },
    [{ b: 1 }],
    undefined,
  ])('%j is none', (json) => {
    expect(() => keyFromJson(json)).toThrow(expect.objectContaining({ code: 'MR_KEY_INVALID' }))
  })
})
