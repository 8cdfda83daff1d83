/** Datasets against plain arrays, on one, two and three processes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Pair } from '../../src/base/keys.ts'
import { everywhere } from './support.ts'

const numbers = fc.array(fc.integer({ min: -20, max: 20 }), { maxLength: 60 })
const pairs = fc.array(
  fc.tuple(fc.constantFrom('a', 'b', 'c', 'dd', '', 'é'), fc.integer({ min: -9, max: 9 })),
  { maxLength: 50 },
)
const partitions = fc.integer({ min: 1, max: 5 })

const byText = (a: unknown, b: unknown): number =>
  JSON.stringify(a) < JSON.stringify(b) ? -1 : JSON.stringify(a) > JSON.stringify(b) ? 1 : 0
const sorted = <T>(rows: Iterable<T>): T[] => [...rows].sort(byText)

function grouped<V>(rows: readonly Pair<string, V>[]): Map<string, V[]> {
  const map = new Map<string, V[]>()
  for (const [key, value] of rows) map.set(key, [...(map.get(key) ?? []), value])
  return map
}

describe('a dataset', () => {
  it('maps, filters and flat-maps as an array does, in order', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, partitions, async (rows, n) => {
        const got = await everywhere((make) =>
          make
            .rows(rows, n)
            .map((x) => x + 1)
            .filter((x) => x % 3 !== 0)
            .flatMap((x) => [x, -x])
            .collect(),
        )
        const wanted = rows
          .map((x) => x + 1)
          .filter((x) => x % 3 !== 0)
          .flatMap((x) => [x, -x])
        expect(got).toEqual(wanted)
      }),
      { numRuns: 40 },
    )
  })

  it('reduces each key to the fold of its values in order', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, partitions, partitions, async (rows, n, m) => {
        const strings = rows.map(([key, value]): Pair<string, string> => [key, String(value)])
        const got = await everywhere((make) =>
          make
            .rows(strings, n)
            .reduceByKey((a, b) => `${a} ${b}`, m)
            .collect(),
        )
        const wanted = [...grouped(strings)].map(([key, values]) => [key, values.join(' ')])
        expect(sorted(got)).toEqual(sorted(wanted))
      }),
      { numRuns: 40 },
    )
  })

  it('groups the values of a key in the order of their partitions', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, partitions, async (rows, n) => {
        const got = await everywhere((make) => make.rows(rows, n).groupByKey().collect())
        expect(sorted(got)).toEqual(sorted(grouped(rows)))
      }),
      { numRuns: 40 },
    )
  })

  it('joins every value of a key with every value of the other side', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, pairs, partitions, async (left, right, n) => {
        const got = await everywhere((make) =>
          Promise.all([
            make.rows(left, n).join(make.rows(right)).collect(),
            make.rows(left, n).leftOuterJoin(make.rows(right)).collect(),
            make.rows(left, n).rightOuterJoin(make.rows(right)).collect(),
            make.rows(left, n).fullOuterJoin(make.rows(right)).collect(),
          ]),
        )
        expect(got.map(sorted)).toEqual([
          sorted(joined(left, right, false, false)),
          sorted(joined(left, right, true, false)),
          sorted(joined(left, right, false, true)),
          sorted(joined(left, right, true, true)),
        ])
      }),
      { numRuns: 40 },
    )
  })

  it('sorts by the order of keys, over partitions, ties in their old order', async () => {
    await fc.assert(
      fc.asyncProperty(numbers, partitions, partitions, fc.boolean(), async (rows, n, m, up) => {
        const numbered = rows.map((x, i): Pair<number, number> => [x, i])
        const got = await everywhere((make) => make.rows(numbered, n).sortByKey(up, m).collect())
        const sign = up ? 1 : -1
        const wanted = [...numbered].sort(([a, i], [b, j]) => sign * (a - b) || i - j)
        expect(got).toEqual(wanted)
      }),
      { numRuns: 60 },
    )
  })

  it('keeps each row once when made distinct, whatever the kind of key', async () => {
    const rows = ['a', 1, '1', 1n, null, true, [1, 'a'], [1, 'a'], 'a', -0, 0, NaN, NaN]
    const got = await everywhere((make) => make.rows(rows).distinct().collect())
    expect(got).toHaveLength(9)
    expect(new Set(got.map((row) => typeof row)).size).toBe(5)
  })

  it('deals rows out over partitions and loses none', async () => {
    const rows = Array.from({ length: 23 }, (_, i) => i)
    const got = await everywhere((make) => make.rows(rows, 4).repartition(5).glom().collect())
    expect(got).toHaveLength(5)
    expect(Math.max(...got.map((part) => part.length))).toBeLessThanOrEqual(6)
    expect(got.flat().sort((a, b) => a - b)).toEqual(rows)
  })

  it('unites partitions in order, also a dataset with itself', async () => {
    const got = await everywhere(async (make) => {
      const a = make.rows([1, 2, 3], 2)
      return await a
        .union(make.rows([4], 1))
        .union(a)
        .collect()
    })
    expect(got).toEqual([1, 2, 3, 4, 1, 2, 3])
  })

  it('counts, takes, and tells first and emptiness', async () => {
    const got = await everywhere(async (make) => {
      const rows = make.rows([5, 6, 7, 8, 9], 4)
      const none = make.rows<number>([], 3)
      return [
        await rows.count(),
        await rows.take(3),
        await rows.take(0),
        await rows.take(99),
        await rows.first(),
        await none.first(),
        await none.isEmpty(),
        await rows.isEmpty(),
        await rows.reduce((a, b) => a + b),
        await none.reduce((a, b) => a + b),
        await none.collect(),
      ]
    })
    const all = [5, 6, 7, 8, 9]
    expect(got).toEqual([5, [5, 6, 7], [], all, 5, undefined, true, false, 35, undefined, []])
  })

  it('works on many small and on no partitions', async () => {
    const got = await everywhere(async (make) => [
      await make
        .rows([1], 40)
        .map((x) => x)
        .count(),
      await make
        .rows<number>([], 0)
        .sortBy((x) => x)
        .collect(),
      await make
        .rows<Pair<string, number>>([], 0)
        .reduceByKey((a, b) => a + b)
        .count(),
    ])
    expect(got).toEqual([1, [], 0])
  })

  it('hands a partition to mapPartitions lazily and as one iterable', async () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => i)
    const got = await everywhere((make) =>
      make
        .rows(rows, 2)
        .mapPartitions((part) => {
          for (const first of part) return [first]
          return []
        })
        .collect(),
    )
    expect(got).toEqual([0, 5000])
  })

  it('lets one row become very many', async () => {
    const got = await everywhere((make) =>
      make
        .rows([0, 1], 2)
        .flatMap((x) => Array.from({ length: 20_000 }, (_, i) => i + x))
        .count(),
    )
    expect(got).toBe(40_000)
  })
})

describe('a layout', () => {
  it('knows whether keys repeat, so that no table is made where they do not', async () => {
    const found = await everywhere(async (make) => {
      const rows = make.rows<Pair<string, number>>([
        ['a', 1],
        ['b', 2],
        ['a', 3],
      ])
      const once = rows.reduceByKey((a, b) => a + b, 3)
      const twice = once.flatMapValues((x) => [x, x])
      const both = once.union(once.mapValues((x) => -x))
      const unique = [once, once.filter(() => true), once.mapValues((x) => x), once.groupByKey()]
      const repeated = [twice, both, once.map((pair) => pair)]
      const grouped = [once.groupByKey(), twice.groupByKey(), both.groupByKey()]
      const groups = []
      for (const dataset of grouped) groups.push((await dataset.collect()).toSorted())
      return {
        unique: unique.map(({ node }) => node.layout.unique),
        repeated: repeated.map(({ node }) => node.layout.unique),
        groups,
      }
    })
    expect(found).toEqual({
      unique: [true, true, true, true],
      repeated: [false, false, false],
      groups: [
        [
          ['a', [4]],
          ['b', [2]],
        ],
        [
          ['a', [4, 4]],
          ['b', [2, 2]],
        ],
        [
          ['a', [4, -4]],
          ['b', [2, -2]],
        ],
      ],
    })
  })
})

describe('a shuffle', () => {
  it('is not done again for rows that are cut by key already', async () => {
    const exchanges = await everywhere(async (make) => {
      const once = make.rows<Pair<string, number>>([['a', 1]]).reduceByKey((a, b) => a + b, 3)
      const kept = once
        .mapValues((x) => x + 1)
        .filter(() => true)
        .reduceByKey((a, b) => a + b)
      const other = make.rows<Pair<string, number>>([['a', 5]]).reduceByKey((a, b) => a + b, 3)
      return [
        kept.node.layout.hashed,
        kept.node.parents[0]?.layout.hashed,
        kept.join(other).node.layout.partitions,
        once.map((pair) => pair).node.layout.hashed,
        once.union(other).node.layout.partitions,
        await kept.join(other).collect(),
      ]
    })
    expect(exchanges).toEqual([true, true, 3, false, 3, [['a', [2, 5]]]])
  })
})

function joined(
  left: readonly Pair<string, number>[],
  right: readonly Pair<string, number>[],
  keepLeft: boolean,
  keepRight: boolean,
): unknown[] {
  const a = grouped(left)
  const b = grouped(right)
  const rows: unknown[] = []
  for (const key of new Set([...a.keys(), ...b.keys()])) {
    const values: (number | null)[] = a.get(key) ?? (keepRight ? [null] : [])
    const others: (number | null)[] = b.get(key) ?? (keepLeft ? [null] : [])
    for (const value of values) for (const other of others) rows.push([key, [value, other]])
  }
  return rows
}
