/**
 * State partitions: what is loaded from the pieces is what was committed, and pieces stay bounded.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { isMillraceError } from '../../src/base/errors.ts'
import { hashBytes } from '../../src/base/keys.ts'
import { seededRandom } from '../../src/base/random.ts'
import { StatePartition, type PieceChange } from '../../checkpoint/pieces.ts'

const hash = (key: string): number => hashBytes(utf8(key))
type Pieces = Map<string, Uint8Array>
type Model = Map<string, string>

function apply(pieces: Pieces, { puts, deletes }: PieceChange): number {
  for (const name of deletes) expect(pieces.delete(name)).toBe(true)
  for (const { name, value } of puts) pieces.set(name, value.slice())
  return puts.reduce((sum, { value }) => sum + value.length, 0)
}

const stateOf = (partition: StatePartition): Model =>
  new Map([...partition.table.entries()].map(([k, v]) => [utf8Text(k), utf8Text(v)]))

function loaded(pieces: Iterable<readonly [string, Uint8Array]>): StatePartition {
  const partition = new StatePartition()
  partition.load(pieces)
  return partition
}

type Change = readonly [key: string, value: string | undefined]

function attempt(partition: StatePartition, list: readonly Change[]) {
  const overlay = partition.begin()
  for (const [key, value] of list) {
    if (value === undefined) overlay.delete(utf8(key), hash(key))
    else overlay.set(utf8(key), hash(key), utf8(value))
  }
  return overlay
}

function follow(model: Model, list: readonly Change[]): void {
  for (const [key, value] of list) {
    if (value === undefined) model.delete(key)
    else model.set(key, value)
  }
}

const changes: fc.Arbitrary<Change[]> = fc.array(
  fc.tuple(
    fc.nat(300).map((n) => `key ${String(n)}`),
    fc.option(
      fc.nat(4).map((n) => 'value '.repeat(n * 40)),
      { nil: undefined },
    ),
  ),
  { maxLength: 60 },
)

describe('a state partition', () => {
  it('loads, in any order of its pieces, to what was committed, whatever was aborted', () => {
    const commits = fc.array(
      fc.record({ list: changes, abort: fc.boolean(), reload: fc.boolean() }),
      { maxLength: 25 },
    )
    fc.assert(
      fc.property(commits, (all) => {
        const pieces: Pieces = new Map()
        const model: Model = new Map()
        let partition = new StatePartition()
        let number = 0
        for (const { list, abort, reload } of all) {
          const overlay = attempt(partition, list)
          const before = stateOf(partition)
          const change = partition.prepare(overlay, number + 1)
          expect(stateOf(partition)).toEqual(before)
          if (abort) continue
          number += 1
          apply(pieces, change)
          partition.commit(overlay, number)
          follow(model, list)
          expect(stateOf(partition)).toEqual(model)
          const again = loaded([...pieces].reverse())
          expect(stateOf(again)).toEqual(model)
          expect(again.retained).toEqual(partition.retained)
          if (reload) partition = again
        }
      }),
      { numRuns: 60 },
    )
  })

  it('refuses any flipped bit, any lost chunk and any delta lost from the middle', () => {
    const pieces: Pieces = new Map()
    const partition = new StatePartition()
    const random = seededRandom(7)
    for (let number = 1; number <= 12; number++) {
      const list: Change[] = []
      for (let i = 0; i < (number === 1 ? 60_000 : 50); i++) {
        list.push([
          `k${String(Math.floor(random() * 60_000))}`,
          `some value ${String(number)} `.repeat(4),
        ])
      }
      const overlay = attempt(partition, list)
      apply(pieces, partition.prepare(overlay, number))
      partition.commit(overlay, number)
    }
    const names = [...pieces.keys()]
    expect(names.filter((name) => name.startsWith('d/')).length).toBeGreaterThan(5)
    expect(names.filter((name) => name.startsWith('c/')).length).toBeGreaterThan(1)
    const refused = (broken: Pieces): boolean => {
      const victim = new StatePartition()
      try {
        victim.load(broken)
      } catch (error) {
        expect(victim.table.size).toBe(0)
        return isMillraceError(error, 'MR_STATE_DAMAGED')
      }
      return false
    }
    const deltas = names.filter((name) => name.startsWith('d/')).sort()
    for (const [name, value] of pieces) {
      const flipped = value.slice()
      const at = Math.floor(random() * flipped.length)
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8))
      expect(refused(new Map([...pieces, [name, flipped]]))).toBe(true)
      expect(refused(new Map([...pieces, [name, value.subarray(0, at)]]))).toBe(true)
      // The newest delta is guarded by the root record's digest of all entries.
      if (name === deltas.at(-1)) continue
      expect(refused(new Map([...pieces].filter(([other]) => other !== name)))).toBe(true)
    }
  })

  it('refuses a piece under another name', () => {
    const partition = new StatePartition()
    const overlay = attempt(partition, [['k', 'v']])
    const [put] = partition.prepare(overlay, 3).puts
    expect(put?.name).toBe('c/00/00000000')
    const value = put?.value ?? new Uint8Array(0)
    expect(() => loaded([['c/01/00000000', value]])).toThrow(/another chunk/)
    expect(() => loaded([['d/0000000000000003', value]])).toThrow(/state piece/)
    expect(() => loaded([['x', value]])).toThrow(/no such kind/)
  })

  it('writes nothing for a commit without a change once no delta waits', () => {
    const partition = new StatePartition()
    const first = attempt(partition, [['k', 'v']])
    partition.prepare(first, 1)
    partition.commit(first, 1)
    const second = attempt(partition, [['k', 'v']])
    expect(partition.prepare(second, 2)).toEqual({ puts: [], deletes: [] })
    partition.commit(second, 2)
  })

  it('splits large chunks, merges small ones, and ends without deltas when idle', () => {
    const pieces: Pieces = new Map()
    const partition = new StatePartition()
    const keys = Array.from({ length: 9000 }, (_, n) => `key ${String(n)}`)
    let number = 0
    const commit = (list: readonly Change[]): void => {
      number += 1
      const overlay = attempt(partition, list)
      apply(pieces, partition.prepare(overlay, number))
      partition.commit(overlay, number)
    }
    commit(keys.map((key) => [key, 'x'.repeat(1000)]))
    expect(partition.retained.chunks).toBeGreaterThan(4)
    for (const [name, value] of pieces) {
      expect(name.slice(0, 2)).toBe('c/')
      expect(value.length).toBeLessThan(2.2 * 1024 * 1024)
    }
    commit(keys.slice(10).map((key) => [key, undefined]))
    for (let i = 0; i < 300; i++) commit([['key 1', String(i)]])
    for (let i = 0; i < 50; i++) commit([])
    expect(partition.retained).toMatchObject({ deltas: 0, chunks: 1 })
    expect(stateOf(loaded(pieces)).size).toBe(10)
  })

  it('keeps deltas, and what is written for them, within the stated bounds', () => {
    const random = seededRandom(11)
    for (const [keys, perCommit, commits] of [
      [2_000, 20, 300],
      [40_000, 300, 150],
      [40_000, 8_000, 20],
    ] as const) {
      expect(bounds(random, keys, perCommit, commits)).toEqual([])
    }
  })
})

/** Random updates and deletes; returns what broke a bound of `checkpoint/rolling.ts`. */
function bounds(random: () => number, keys: number, perCommit: number, commits: number): string[] {
  const partition = new StatePartition()
  const pieces: Pieces = new Map()
  const broken: string[] = []
  let stateMax = 0
  let deltaMax = 0
  let deltaSum = 0
  let written = 0
  const overdraft = 4 * 1024 * 1024
  for (let number = 1; number <= commits; number++) {
    const list: Change[] = []
    for (let i = 0; i < perCommit; i++) {
      const key = `key ${String(Math.floor(random() * keys))}`
      list.push([key, random() < 0.1 ? undefined : 'v'.repeat(Math.floor(random() * 120))])
    }
    const overlay = attempt(partition, list)
    const delta = overlay.encodeDelta(number, 0).length
    written += apply(pieces, partition.prepare(overlay, number))
    partition.commit(overlay, number)
    deltaMax = Math.max(deltaMax, delta)
    deltaSum += delta
    stateMax = Math.max(stateMax, partition.table.payloadBytes * 1.5 + 64)
    const { deltaBytes, deltas } = partition.retained
    if (deltaBytes > stateMax + deltaMax + overdraft) broken.push(`deltas: ${String(deltaBytes)}`)
    if (deltas > 130 + stateMax / (64 * 1024)) broken.push(`number of deltas: ${String(deltas)}`)
    if (written > 2 * deltaSum + number * 64 * 1024 + overdraft) {
      broken.push(`written: ${String(written)} for ${String(deltaSum)}`)
    }
  }
  const total = [...pieces.values()].reduce((sum, value) => sum + value.length, 0)
  const { deltaBytes, chunkBytes } = partition.retained
  if (total !== deltaBytes + chunkBytes) broken.push('retained does not count the pieces')
  return broken
}
