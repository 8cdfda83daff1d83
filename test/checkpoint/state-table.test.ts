/**
 * The packed table against a `Map`, with hashes that collide, values that grow and shrink, and keys
 * that go.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { hashBytes } from '../../src/base/keys.ts'
import { viewsOf } from '../../checkpoint/arena.ts'
import { StateTable } from '../../checkpoint/state-table.ts'

const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill)
const keyOf = (n: number): Uint8Array => utf8(`key ${String(n)}`)
const text = (b: Uint8Array): string => Buffer.from(b).toString('latin1')

function contents(table: StateTable): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of table.entries()) {
    expect(all.has(text(key))).toBe(false)
    all.set(text(key), text(value))
  }
  return all
}

interface Step {
  readonly kind: 'set' | 'delete'
  readonly key: number
  readonly length: number
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('set', 'set', 'set', 'delete'),
    key: fc.nat(200),
    length: fc.oneof(fc.nat(40), fc.nat(3000)),
  }),
  { maxLength: 400 },
)

function agrees(list: readonly Step[], hashOf: (n: number) => number): void {
  const table = new StateTable()
  const model = new Map<string, string>()
  let payload = 0
  for (const [i, { kind, key, length }] of list.entries()) {
    const name = text(keyOf(key))
    const before = model.get(name)
    if (before !== undefined) payload -= name.length + before.length
    if (kind === 'set') {
      const value = bytes(length, i & 0xff)
      table.set(keyOf(key), hashOf(key), value)
      model.set(name, text(value))
      payload += name.length + length
    } else {
      expect(table.delete(keyOf(key), hashOf(key))).toBe(model.delete(name))
    }
    const there = table.get(keyOf(key), hashOf(key))
    expect(there === undefined ? undefined : text(there)).toBe(model.get(name))
    expect(table.size).toBe(model.size)
    expect(table.payloadBytes).toBe(payload)
  }
  expect(contents(table)).toEqual(model)
}

describe('a state table', () => {
  it('holds what a Map holds', () => {
    fc.assert(
      fc.property(steps, (list) => {
        agrees(list, (n) => hashBytes(keyOf(n)))
      }),
      { numRuns: 150 },
    )
  })

  it('holds what a Map holds when hashes collide or crowd at either end', () => {
    const hashes = fc.constantFrom(
      (): number => 0,
      (): number => 0xffff_ffff,
      (n: number): number => n % 3,
      (n: number): number => 0xffff_ffff - (n % 5),
    )
    fc.assert(
      fc.property(steps, hashes, (list, hashOf) => {
        agrees(list, hashOf)
      }),
      { numRuns: 100 },
    )
  })

  it('finds every entry again after growing to a hundred thousand and shrinking to none', () => {
    const table = new StateTable()
    const n = 100_000
    for (let i = 0; i < n; i++) table.set(keyOf(i), hashBytes(keyOf(i)), bytes(8, i & 0xff))
    const full = table.bytes
    expect(table.size).toBe(n)
    for (let i = 0; i < n; i += 70) {
      expect(table.compare(keyOf(i), hashBytes(keyOf(i)), bytes(8, i & 0xff))).toBe('equal')
    }
    let deleted = 0
    for (let i = 0; i < n; i++) if (table.delete(keyOf(i), hashBytes(keyOf(i)))) deleted += 1
    expect(deleted).toBe(n)
    expect(table.size).toBe(0)
    expect(table.payloadBytes).toBe(0)
    expect(contents(table).size).toBe(0)
    expect(table.bytes).toBeLessThan(full / 3)
  })

  it('gives the memory of overwritten values back', () => {
    const table = new StateTable()
    const keys = 500
    const live = keys * 2100
    for (let round = 0; round < 60; round++) {
      for (let i = 0; i < keys; i++) {
        const key = keyOf(i)
        table.set(key, hashBytes(key), bytes(1000 + ((i * 31 + round * 137) % 1100), round))
      }
      expect(table.bytes).toBeLessThan(2 * live + 3 * 1024 * 1024)
    }
    for (const [, value] of table.entries()) expect(value[0]).toBe(59)
  })

  it('keeps the other values whole while a value of several megabytes comes and goes', () => {
    const table = new StateTable()
    const small = (i: number): void => {
      table.set(keyOf(i), hashBytes(keyOf(i)), bytes(5000, i & 0xff))
    }
    for (let round = 0; round < 8; round++) {
      table.set(keyOf(-1), hashBytes(keyOf(-1)), bytes(3_000_000 + round, round))
      for (let i = 0; i < 400; i++) small(i)
      expect(table.get(keyOf(-1), hashBytes(keyOf(-1)))?.length).toBe(3_000_000 + round)
      if (round % 2 === 1) expect(table.delete(keyOf(-1), hashBytes(keyOf(-1)))).toBe(true)
    }
    for (let i = 0; i < 400; i++) {
      expect(table.compare(keyOf(i), hashBytes(keyOf(i)), bytes(5000, i & 0xff))).toBe('equal')
    }
    expect(table.bytes).toBeLessThan(8 * 1024 * 1024)
  })

  it('yields for a hash prefix exactly the entries whose hash begins with it', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(100_000), { maxLength: 300 }),
        fc.integer({ min: 0, max: 12 }),
        fc.nat(0xffff_ffff),
        fc.constantFrom(0, 20, 28),
        (keys, depth, hash, crowd) => {
          const hashOf = (n: number): number => (hashBytes(keyOf(n)) | (2 ** crowd - 1)) >>> 0
          const table = new StateTable()
          for (const n of keys) table.set(keyOf(n), hashOf(n), bytes(3, 1))
          const span = 2 ** (32 - depth)
          const prefix = Math.floor(hash / span) * span
          const wanted = keys
            .filter((n) => Math.floor(hashOf(n) / span) * span === prefix)
            .map((n) => text(keyOf(n)))
          const found = [...viewsOf(table.locatedOf(depth, prefix))].map(([key]) => text(key))
          expect(found.sort()).toEqual(wanted.sort())
        },
      ),
      { numRuns: 200 },
    )
  })

  it('forgets everything when cleared, and can be filled again', () => {
    const table = new StateTable()
    for (let i = 0; i < 1000; i++) table.set(keyOf(i), hashBytes(keyOf(i)), bytes(100, 1))
    table.clear()
    expect([table.size, table.payloadBytes]).toEqual([0, 0])
    expect(table.get(keyOf(1), hashBytes(keyOf(1)))).toBeUndefined()
    table.set(keyOf(1), hashBytes(keyOf(1)), bytes(1, 9))
    expect(contents(table)).toEqual(new Map([['key 1', '\t']]))
  })

  it('keeps the entries of an empty key and of an empty value', () => {
    const table = new StateTable()
    table.set(bytes(0, 0), 5, bytes(0, 0))
    expect(table.get(bytes(0, 0), 5)).toEqual(bytes(0, 0))
    expect(table.size).toBe(1)
  })
})
