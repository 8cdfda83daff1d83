/** What a process prints becomes lines, whole and bounded. */
import { describe, expect, it } from 'vitest'
import { LineSplitter, OUTPUT_LINE_MAX } from '../../src/host/line-splitter.ts'

function split(...texts: readonly string[]): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const text of texts) splitter.push(text)
  splitter.end()
  return lines
}

describe('a line splitter', () => {
  it('joins what was cut and cuts what was joined', () => {
    expect(split('a', 'b\nc\r\n', '\nd')).toEqual(['ab', 'c', '', 'd'])
  })

  it('has no line after a final newline', () => {
    expect(split('a\n')).toEqual(['a'])
  })

  it('hands a line without end over in pieces', () => {
    const lines = split('x'.repeat(OUTPUT_LINE_MAX), 'x'.repeat(OUTPUT_LINE_MAX), 'y')
    expect(lines.map((line) => line.length)).toEqual([OUTPUT_LINE_MAX, OUTPUT_LINE_MAX, 1])
  })
})
