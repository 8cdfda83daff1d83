/** The worked examples of checkpoint/README.md, held against the code that writes such bytes. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { openChunk } from '../../checkpoint/chunk.ts'
import { openDelta } from '../../checkpoint/delta.ts'
import { readRecords } from '../../checkpoint/piece.ts'
import { readRoot, rootKey } from '../../checkpoint/root.ts'
import { unwrapValue, wrapValue } from '../../checkpoint/wrapped-value.ts'

const page = readFileSync(new URL('../../checkpoint/README.md', import.meta.url), 'utf8')

/** Each fenced block that begins with bytes, as bytes: what stands before two spaces. */
const examples = page.split(/^```.*$/m).flatMap((block) => {
  const lines = block
    .split('\n')
    .map((line) => /^((?:[0-9a-f]{2,} )*[0-9a-f]{2,})(?: {2,}|$)/.exec(line))
  const hex = lines.map((found) => found?.[1]?.replaceAll(' ', '') ?? '').join('')
  return hex === '' ? [] : [new Uint8Array(Buffer.from(hex, 'hex'))]
})
const [entry, root, chunk, delta] = examples

const recordsOf = (
  name: string,
  { records, count }: Pick<ReturnType<typeof openChunk>, 'records' | 'count'>,
) => {
  const found: [string, string | undefined][] = []
  readRecords(name, records, count, (key, value) => {
    found.push([Buffer.from(key).toString('hex'), value && Buffer.from(value).toString()])
  })
  return found
}

describe('the README of the checkpoint shows', () => {
  it('four examples', () => {
    expect(examples).toHaveLength(4)
  })
  it('an entry', () => {
    expect(entry).toEqual(new Uint8Array(wrapValue('a', 5, utf8('hello'))))
    expect(Buffer.from(unwrapValue('a', entry ?? utf8('')) ?? utf8('')).toString()).toBe('hello')
  })
  it('a root', () => {
    const read = readRoot(rootKey(1), root ?? utf8(''))
    expect(read).toMatchObject({
      kind: 'root',
      root: { number: 1, time: 1_700_000_000_000, epoch: 2, logPosition: 123_456_789_012 },
    })
  })
  it('a chunk', () => {
    const opened = openChunk('c/00/00000000', chunk ?? utf8(''))
    expect(opened).toMatchObject({ asOf: 1, depth: 0, prefix: 0, count: 1 })
    expect(recordsOf(opened.name, opened)).toEqual([['206200', 'two']])
  })
  it('a delta', () => {
    expect(() => openDelta('d/0000000000001234', delta ?? utf8(''))).not.toThrow()
  })
})
