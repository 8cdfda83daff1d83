/**
 * Format version 1, byte by byte: these bytes lie in people's directories and may never change
 * their meaning.
 */
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { encodeKey, hashBytes } from '../../src/base/keys.ts'
import { coverProblem, openChunk } from '../../checkpoint/chunk.ts'
import { openDelta } from '../../checkpoint/delta.ts'
import { StatePartition } from '../../checkpoint/pieces.ts'
import { encodeRoot, firstRoot, readRoot, rootKey, withDigest } from '../../checkpoint/root.ts'
import { added, contributionOf, EMPTY_SET, removed } from '../../checkpoint/set-digest.ts'
import { unwrapValue, wrapValue } from '../../checkpoint/wrapped-value.ts'

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const identity = Uint8Array.from({ length: 16 }, (_, i) => i)

function flips(bytes: Uint8Array): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = bytes.slice()
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
    all.push(flipped)
  }
  return all
}

describe('a wrapped value', () => {
  const wrapped = wrapValue('a', 5, utf8('hello'))

  it('has these bytes', () => {
    expect(hexOf(wrapped)).toBe('dc1fe346050000000000000068656c6c6f')
    expect(hexOf(unwrapValue('a', wrapped) ?? identity)).toBe(hexOf(utf8('hello')))
  })

  it('is refused with any bit flipped, cut anywhere, or under another key', () => {
    for (const flipped of flips(wrapped)) expect(unwrapValue('a', flipped)).toBeUndefined()
    for (let n = 0; n < wrapped.length; n++) {
      expect(unwrapValue('a', wrapped.subarray(0, n))).toBeUndefined()
    }
    expect(unwrapValue('b', wrapped)).toBeUndefined()
  })
})

describe('a set digest', () => {
  const one = contributionOf('a', wrapValue('a', 5, utf8('hello')))
  const two = contributionOf('b', wrapValue('b', 6, utf8('')))

  it('has these numbers', () => {
    expect([one, two]).toEqual([
      { low: 2481585768, high: 2752672567, bytes: 17 },
      { low: 910008428, high: 2519002771, bytes: 12 },
    ])
  })

  it('does not depend on the order and takes back what it was given', () => {
    const both = added(added(EMPTY_SET, one), two)
    expect(added(added(EMPTY_SET, two), one)).toEqual(both)
    expect(removed(removed(both, one), two)).toEqual(EMPTY_SET)
  })
})

describe('a root record', () => {
  const set = { low: 0xdeadbeef, high: 0x01020304, entries: 3 }
  const first = firstRoot(identity)
  const root = withDigest({
    ...{ number: 1, time: 1_700_000_000_000, epoch: 2, logPosition: 123_456_789_012 },
    ...{ identity, set, previous: first.digest },
  })

  it('has these bytes and these digests', () => {
    expect(hexOf(encodeRoot(first))).toBe(
      [
        '4d52637001000000000102030405060708090a0b0c0d0e0f00000000000000000000000000000000',
        '00000000000000000000000000000000000000000000000000000000000000000000000000000000',
        '0000000000000000bc0c94a4',
      ].join(''),
    )
    expect(hexOf(first.digest)).toBe('b65e7c0ec247efeda432f85aa186e15a')
    expect(hexOf(encodeRoot(root))).toBe(
      [
        '4d52637001000000000102030405060708090a0b0c0d0e0f01000000000000000068e5cf8b010000',
        '0200000000000000141a99be1c0000000300000000000000efbeadde04030201b65e7c0ec247efed',
        'a432f85aa186e15a242f5da9',
      ].join(''),
    )
    expect(hexOf(root.digest)).toBe('aa048902c583a8cee83afbcd159dbc9e')
    expect(rootKey(1)).toBe('root/0000000000000001')
    expect(readRoot(rootKey(1), encodeRoot(root))).toEqual({ kind: 'root', root })
  })

  it('is damaged with any bit flipped, the version among them, or under another key', () => {
    for (const flipped of flips(encodeRoot(root))) {
      expect(readRoot(rootKey(1), flipped).kind).toBe('damaged')
    }
    expect(readRoot(rootKey(2), encodeRoot(root)).kind).toBe('damaged')
    expect(readRoot(rootKey(1), new Uint8Array(0)).kind).toBe('damaged')
  })
})

describe('the pieces of a state partition', () => {
  const put = (key: string) => [encodeKey(key), hashBytes(encodeKey(key))] as const
  const partition = new StatePartition()
  const base = partition.begin()
  base.set(...put('b'), utf8('two'))
  const { puts } = partition.prepare(base, 1)
  partition.commit(base, 1)
  const next = partition.begin()
  next.set(...put('a'), utf8('one'))
  next.delete(...put('b'))
  const delta = next.encodeDelta(0x1234, 1)
  const chunk = puts[0]?.value ?? identity

  it('are named and have these bytes', () => {
    expect(puts.map(({ name }) => name)).toEqual(['c/00/00000000'])
    expect(hexOf(chunk)).toBe(
      ['6f8a801d010100000000000000000000000001000000032062000474776f'].join(''),
    )
    expect(hexOf(delta)).toBe(
      ['6819ae3201341200000000000001000000000000000200000003206100046f6e650320620000'].join(''),
    )
    expect(openDelta('d/0000000000001234', delta)).toMatchObject({ previous: 1, count: 2 })
    expect(openChunk('c/00/00000000', chunk)).toMatchObject({ asOf: 1, depth: 0, count: 1 })
  })

  it('are refused with any bit flipped', () => {
    for (const flipped of flips(delta)) {
      expect(() => openDelta('d/0000000000001234', flipped)).toThrow(/state piece/)
    }
    for (const flipped of flips(chunk)) {
      expect(() => openChunk('c/00/00000000', flipped)).toThrow(/state piece/)
    }
  })
})

describe('a cover', () => {
  const half = 0x8000_0000
  it('is complete when every hash lies in exactly one region', () => {
    expect(coverProblem([{ depth: 0, prefix: 0 }])).toBeUndefined()
    const three = [
      { depth: 1, prefix: 0 },
      { depth: 2, prefix: half },
      { depth: 2, prefix: half + half / 2 },
    ]
    expect(coverProblem(three)).toBeUndefined()
    expect(coverProblem(three.slice(1))).toMatch(/before c\/02\/80000000 is missing/)
    expect(coverProblem(three.slice(0, 2))).toMatch(/last chunk is missing/)
    expect(coverProblem([{ depth: 0, prefix: 0 }, ...three])).toMatch(/overlaps/)
    expect(coverProblem([])).toMatch(/missing/)
    expect(coverProblem([{ depth: 1, prefix: 5 }])).toMatch(/no region/)
  })
})
