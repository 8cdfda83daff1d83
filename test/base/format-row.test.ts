/** Rows as text. */
import { describe, expect, it } from 'vitest'
import { formatRow } from '../../src/base/format-row.ts'

describe('a row as text', () => {
  it.each([
    ['hello', 'hello'],
    ['', ''],
    ['two\nlines', 'two\nlines'],
    [1.5, '1.5'],
    [-0, '0'],
    [3n, '3'],
    [true, 'true'],
    [null, 'null'],
    [undefined, 'null'],
    [['hello', 1], '(hello,1)'],
    [
      [
        ['a', 'b'],
        [1, null],
      ],
      '((a,b),(1,null))',
    ],
    [[], '()'],
    [{ a: 1, b: [2, 'x'], c: 4n }, '{"a":1,"b":[2,"x"],"c":"4"}'],
    [new Map([['k', [1, 2]]]), 'Map(k -> (1,2))'],
    [new Set(['a', 1]), 'Set(a, 1)'],
    [new Date(0), '1970-01-01T00:00:00.000Z'],
    [new Date(NaN), 'Invalid Date'],
    [Uint8Array.of(0, 255), '00ff'],
  ])('%o is %s', (row, text) => {
    expect(formatRow(row)).toBe(text)
  })

  it('refuses an object that has itself inside', () => {
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    expect(() => formatRow(circle)).toThrow(TypeError)
  })
})
