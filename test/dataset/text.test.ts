/** Decoding of text chunks. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AssertionFailure } from '../../src/base/assert.ts'
import { CHUNK_ROWS_MAX, TEXT_SLICE_BYTES } from '../../src/dataset/limits.ts'
import { countOf, eachRow, rowsOf } from '../../src/dataset/text.ts'
import { textChunk } from './support.ts'

const decode = (text: string): string[] => [...eachRow([textChunk(text)])]
const line = fc
  .string({ unit: fc.constantFrom('a', ' ', 'é', '🙂', '\r', '\t', '\u0000'), maxLength: 12 })
  .filter((text) => !text.includes('\n'))

describe('a text chunk', () => {
  it('has the lines that went in', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const text = lines.map((l) => `${l}\n`).join('')
        expect(decode(text)).toEqual(lines)
        expect(countOf(textChunk(text))).toBe(lines.length)
      }),
    )
  })

  it('is decoded in slices that cut no line, at every length around the slice', () => {
    for (let extra = -3; extra <= 3; extra++) {
      const first = 'x'.repeat(TEXT_SLICE_BYTES + extra)
      expect(decode(`${first}\né\nlast\n`)).toEqual([first, 'é', 'last'])
    }
  })

  it('comes in arrays of bounded length', () => {
    const lines = Array.from({ length: 3 * CHUNK_ROWS_MAX + 5 }, () => '')
    const arrays = [...rowsOf([textChunk(lines.map(() => '\n').join(''))])]
    expect(Math.max(...arrays.map((rows) => rows.length))).toBe(CHUNK_ROWS_MAX)
    expect(arrays.flat()).toEqual(lines)
  })

  it('must end with a newline', () => {
    expect(() => decode('half')).toThrow(AssertionFailure)
  })
})
