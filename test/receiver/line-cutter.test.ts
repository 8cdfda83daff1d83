/** Lines cut from bytes in pieces: the same whatever the pieces. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { LineCutter, type LineCutterOptions } from '../../src/receiver/line-cutter.ts'

const LINE_MAX = 8

interface Cut {
  readonly text: string
  readonly lines: number
  readonly tooLong: number
  readonly invalid: number
}

function cut(pieces: readonly Uint8Array[], lineBytesMax?: number): Cut {
  const counts = { 'line too long': 0, 'invalid UTF-8': 0 }
  const onRejected: LineCutterOptions['onRejected'] = (reason, count) => {
    counts[reason] += count
  }
  const cutter = new LineCutter({
    onRejected,
    ...(lineBytesMax === undefined ? {} : { lineBytesMax }),
  })
  const out = [...pieces.flatMap((piece) => cutter.push(piece)), ...cutter.end()]
  for (const { bytes, count } of out) {
    expect(bytes.filter((byte) => byte === 10)).toHaveLength(count)
    expect(bytes.at(-1)).toBe(10)
  }
  return {
    text: Buffer.concat(out.map((lines) => lines.bytes)).toString('latin1'),
    lines: out.reduce((sum, lines) => sum + lines.count, 0),
    tooLong: counts['line too long'],
    invalid: counts['invalid UTF-8'],
  }
}

/** Line by line, with none of the cutter's ways: what the rules say. */
function byTheRules(all: Uint8Array, lineBytesMax: number): Cut {
  const latin = Buffer.from(all).toString('latin1')
  const raw = latin.split('\n')
  if (raw.at(-1) === '') raw.pop()
  const out = { text: '', lines: 0, tooLong: 0, invalid: 0 }
  for (const line of raw.map((l) => (l.endsWith('\r') ? l.slice(0, -1) : l))) {
    const bytes = Buffer.from(line, 'latin1')
    if (bytes.length > lineBytesMax) out.tooLong++
    else if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) out.invalid++
    else {
      out.text += `${line}\n`
      out.lines++
    }
  }
  return out
}

function split(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const cuts = [0, ...at.map((n) => n % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return cuts.slice(1).map((to, i) => bytes.subarray(cuts[i], to))
}

const latin = (text: string): Buffer => Buffer.from(text, 'latin1')

/** Few kinds of bytes, so that ends, carriage returns and halves of characters meet often. */
const anyBytes = fc
  .array(
    fc
      .constantFrom('a', 'b', '\n', '\n', '\r', '\r\n', 'é', '€', '😀', '\xff')
      .map((c) => (c === '\xff' ? latin(c) : Buffer.from(c))),
    { maxLength: 40 },
  )
  .map((parts) => Buffer.concat(parts))

describe('cutting lines', () => {
  test.prop([anyBytes, fc.array(fc.nat(), { maxLength: 12 })], { numRuns: 2000 })(
    'any split of the bytes gives the lines that the rules give',
    (bytes, at) => {
      expect(cut(split(bytes, at), LINE_MAX)).toEqual(byTheRules(bytes, LINE_MAX))
    },
  )

  it('gives the same lines when the bytes are cut at every place', () => {
    const bytes = latin('one\r\ntwo\n\nthree is too long\r\nf\xff\nlast')
    const whole = cut([bytes], LINE_MAX)
    expect(whole).toEqual({ text: 'one\ntwo\n\nlast\n', lines: 4, tooLong: 1, invalid: 1 })
    for (let at = 0; at <= bytes.length; at++) {
      expect(cut([bytes.subarray(0, at), bytes.subarray(at)], LINE_MAX)).toEqual(whole)
    }
    expect(
      cut(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        LINE_MAX,
      ),
    ).toEqual(whole)
  })

  it('removes one carriage return before a line end and keeps all others', () => {
    expect(cut([latin('a\r\r\nb\rc\r\n\r\n')]).text).toBe('a\r\nb\rc\n\n')
  })

  it('counts an unterminated last line as a line, with its carriage return removed', () => {
    expect(cut([latin('a\nb\r')])).toMatchObject({ text: 'a\nb\n', lines: 2 })
    expect(cut([latin('a\n')])).toMatchObject({ lines: 1 })
    expect(cut([])).toMatchObject({ lines: 0 })
  })

  it('measures a line without its end', () => {
    expect(cut([latin('12345678\r\n123456789\n12345678')], LINE_MAX)).toMatchObject({
      lines: 2,
      tooLong: 1,
    })
  })

  it('counts a line of any length once, and goes on after its end', () => {
    const pieces = Array.from({ length: 100 }, () => latin('x'.repeat(1000)))
    expect(cut([latin('a\n'), ...pieces, latin('\nb\n')], LINE_MAX)).toEqual({
      text: 'a\nb\n',
      lines: 2,
      tooLong: 1,
      invalid: 0,
    })
    expect(cut(pieces, LINE_MAX)).toMatchObject({ lines: 0, tooLong: 1 })
  })

  it('takes lines of up to a mebibyte by default', () => {
    const line = 'x'.repeat(1024 * 1024)
    expect(cut([latin(`${line}\n${line}x\n`)])).toMatchObject({ lines: 1, tooLong: 1 })
  })

  it('hands out views of a piece that needs no repair', () => {
    const piece = latin('one\ntwo\nthr')
    const cutter = new LineCutter({ onRejected: () => undefined })
    const [lines] = cutter.push(piece)
    expect(lines?.bytes.buffer).toBe(piece.buffer)
    expect(lines?.count).toBe(2)
  })
})
