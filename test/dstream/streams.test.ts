/** Streams: what each operator makes of a batch, and what happens where there is no dataset. */
import { describe, expect, it } from 'vitest'
import { isMillraceError } from '../../src/base/errors.ts'
import type { Pair } from '../../src/base/keys.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import { failureEverywhere, program, rowsEverywhere, Runner } from './harness.ts'

type Numbers = (s: DStream<number>, ssc: StreamingContext) => DStream<unknown>

const sorted = (rows: readonly unknown[] | undefined): unknown =>
  rows === undefined ? undefined : rows.map((row) => JSON.stringify(row)).sort()

/** Batches of numbers through `f`; null has no dataset. */
const through = (
  f: Numbers,
  batches: readonly (readonly number[] | null)[],
): Promise<readonly (readonly unknown[] | undefined)[]> =>
  rowsEverywhere((ssc) => {
    f(ssc.sequenceStream({ uid: 'in', batches }), ssc).toRows('out')
  }, batches.length)

describe('a stream', () => {
  it('gives each batch through map, filter and flatMap in order', async () => {
    const rows = await through(
      (s) =>
        s
          .map((x) => x * 2)
          .filter((x) => x > 2)
          .flatMap((x) => [x, x + 1]),
      [[1, 2, 3], [], [4]],
    )
    expect(rows).toEqual([[4, 5, 6, 7], [], [8, 9]])
  })

  it('counts words', async () => {
    const got = await rowsEverywhere((ssc) => {
      const lines = ssc.sequenceStream({ uid: 'in', batches: [['to be or', 'not to be'], ['be']] })
      const words = lines.flatMap((line) => line.split(' ')).map((word) => [word, 1])
      words.reduceByKey((a, b) => a + b).toRows('out')
    }, 3)
    expect(got.map(sorted)).toEqual([
      ['["be",2]', '["not",1]', '["or",1]', '["to",2]'],
      ['["be",1]'],
      [],
    ])
  })

  it('reduces an empty batch to no row, and counts it as 0', async () => {
    expect(await through((s) => s.reduce((a, b) => a + b), [[1, 2, 3], [], null])).toEqual([
      [6],
      [],
      undefined,
    ])
    expect(await through((s) => s.count(), [[1, 2, 3], []])).toEqual([[3], [0]])
  })

  it('counts values, groups, and combines', async () => {
    const batches = [[1, 2, 1, 3, 3, 3]]
    const counted = await through((s) => s.countByValue(), batches)
    expect(counted.map(sorted)).toEqual([['[1,2]', '[2,1]', '[3,3]']])
    const grouped = await through((s) => s.keyBy((x) => x % 2).groupByKey(1), batches)
    expect(grouped.map(sorted)).toEqual([['[0,[2]]', '[1,[1,1,3,3,3]]']])
    const longest = await through(
      (s) =>
        s
          .map((x) => ['all', x])
          .combineByKey(
            (x) => [x],
            (list, x) => [...list, x],
            (a, b) => [...a, ...b],
          ),
      batches,
    )
    expect(longest).toEqual([[['all', [1, 2, 1, 3, 3, 3]]]])
  })

  it('has the partitions asked for', async () => {
    const runner = new Runner(
      program((ssc) => {
        const s = ssc.sequenceStream({ uid: 'in', partitions: 3, batches: [[1, 2, 3, 4, 5, 6, 7]] })
        s.glom().toRows('cut')
        s.repartition(5).toRows('out')
        s.map((x) => [x, x])
          .reduceByKey((a) => a, 6)
          .toRows('hashed')
      }),
    )
    const results = await runner.batch(1)
    expect(results.get('out')?.parts).toHaveLength(5)
    expect(results.get('hashed')?.parts).toHaveLength(6)
    expect(await runner.rows(1, 'cut')).toEqual([
      [1, 2],
      [3, 4],
      [5, 6, 7],
    ])
  })

  it('brings the batches of two streams together', async () => {
    const two = (
      f: (a: DStream<Pair<string, number>>, b: DStream<Pair<string, string>>) => DStream<unknown>,
    ): Promise<readonly (readonly unknown[] | undefined)[]> =>
      rowsEverywhere((ssc) => {
        const a = ssc.sequenceStream<Pair<string, number>>({
          batches: [
            [
              ['a', 1],
              ['b', 2],
            ],
          ],
        })
        const b = ssc.sequenceStream<Pair<string, string>>({
          batches: [
            [
              ['b', 'x'],
              ['c', 'y'],
            ],
          ],
        })
        f(a, b).toRows('out')
      }, 1)
    expect((await two((a, b) => a.join(b))).map(sorted)).toEqual([['["b",[2,"x"]]']])
    expect((await two((a, b) => a.fullOuterJoin(b))).map(sorted)).toEqual([
      ['["a",[1,null]]', '["b",[2,"x"]]', '["c",[null,"y"]]'],
    ])
    expect((await two((a, b) => a.cogroup(b))).map(sorted)).toEqual([
      ['["a",[[1],[]]]', '["b",[[2],["x"]]]', '["c",[[],["y"]]]'],
    ])
    const both = await two((a, b) =>
      a.transformWith(b, (left, right) => left.map(([k]) => k).union(right.map(([k]) => k))),
    )
    expect(both).toEqual([['a', 'b', 'b', 'c']])
  })

  it('lets transform make any dataset, with the time, also after an action', async () => {
    const rows = await through(
      (s) =>
        s.transform(async (dataset, { time }) => {
          const n = await dataset.count()
          return dataset.sortBy((x) => -x).map((x) => [time, n, x])
        }),
      [[2, 3, 1]],
    )
    expect(rows).toEqual([
      [
        [1000, 3, 3],
        [1000, 3, 2],
        [1000, 3, 1],
      ],
    ])
  })

  it('unites and transforms any number of streams of a context', async () => {
    const rows = await through(
      (s, ssc) => {
        const more = [s, s.map((x) => x + 10), s.map((x) => x + 20)]
        return ssc
          .union(more)
          .union(ssc.transform(more, ([a, b]) => (a && b ? a.union(b) : ssc2())))
      },
      [[1, 2]],
    )
    expect(rows).toEqual([[1, 2, 11, 12, 21, 22, 1, 2, 11, 12]])
  })
})

const ssc2 = (): never => {
  throw new Error('three streams give three datasets')
}

describe('a batch without a dataset', () => {
  const pairs = (s: DStream<number>): DStream<Pair<number, number>> => s.map((x) => [x, x])

  it.each<[string, Numbers]>([
    ['map', (s) => s.map((x) => x)],
    ['flatMap', (s) => s.flatMap((x) => [x])],
    ['filter', (s) => s.filter(() => true)],
    ['glom', (s) => s.glom()],
    ['mapPartitions', (s) => s.mapPartitions((rows) => rows)],
    ['mapValues', (s) => pairs(s).mapValues((x) => x)],
    ['flatMapValues', (s) => pairs(s).flatMapValues((x) => [x])],
    ['reduceByKey', (s) => pairs(s).reduceByKey((a) => a)],
    ['groupByKey', (s) => pairs(s).groupByKey()],
    ['reduce', (s) => s.reduce((a) => a)],
    ['countByValue', (s) => s.countByValue()],
    ['updateStateByKey before the first', (s) => pairs(s).updateStateByKey(() => 1)],
  ])('gives none to %s', async (_name, f) => {
    expect(await through(f, [null])).toEqual([undefined])
  })

  it.each<[string, Numbers]>([
    ['count', (s) => s.count()],
    ['repartition', (s) => s.repartition(2)],
    ['transform', (s) => s.transform((dataset) => dataset)],
    ['union', (s) => s.union(s.map((x) => x))],
    ['transformWith', (s) => s.transformWith(s, (dataset) => dataset)],
    ['join', (s) => pairs(s).join(pairs(s))],
    ['cogroup', (s) => pairs(s).cogroup(pairs(s))],
    ['leftOuterJoin', (s) => pairs(s).leftOuterJoin(pairs(s))],
  ])('is an error in %s that names the parent and the time', async (name, f) => {
    const error = await failureEverywhere((ssc) => {
      f(ssc.sequenceStream({ uid: 'in', batches: [[1], null] }), ssc).toRows('out')
    }, 2)
    expect(isMillraceError(error, 'MR_NO_DATASET')).toBe(true)
    expect(String(error)).toMatch(
      new RegExp(`${name} at streams.test.ts:.*(sequenceStream|map) at .*2000 ms`),
    )
  })

  it('fails before any output has run', async () => {
    let ran = 0
    const error = await failureEverywhere((ssc) => {
      const s = ssc.sequenceStream({ uid: 'in', batches: [null] })
      ssc.sequenceStream({ uid: 'other', batches: [[1]] }).foreachRDD(() => {
        ran += 1
      })
      s.count().toRows('out')
    })
    expect(isMillraceError(error, 'MR_NO_DATASET')).toBe(true)
    expect(ran).toBe(0)
  })

  it('is the same as a transform that returns no dataset: a coded error', async () => {
    const error = await failureEverywhere((ssc) => {
      const s = ssc.sequenceStream({ uid: 'in', batches: [[1]] })
      // @ts-expect-error null is no dataset
      s.transform(() => null).toRows('out')
    })
    expect(isMillraceError(error, 'MR_GRAPH_INVALID')).toBe(true)
  })
})

describe('a function', () => {
  it('runs once per row and batch, however many read the stream', async () => {
    let calls = 0
    const build = (ssc: StreamingContext): void => {
      const s = ssc.sequenceStream({ uid: 'in', batches: [[1, 2, 3, 4, 5]] })
      const drawn = s.map(() => {
        calls += 1
        return calls
      })
      drawn.toRows('out')
      drawn.toRows('again')
      drawn.union(drawn).toRows('twice')
      drawn
        .transform(async (dataset) => {
          const doubled = dataset.map((x) => x)
          await doubled.count()
          await doubled.collect()
          return doubled.union(dataset)
        })
        .toRows('transformed')
      drawn.foreachRDD(async (dataset) => {
        await dataset.collect()
        await dataset.count()
      })
      drawn
        .map((x) => [x, x])
        .join(drawn.map((x) => [x, x]))
        .toRows('joined')
    }
    for (const size of [1, 2, 3]) {
      calls = 0
      const results = await new Runner(program(build), { size }).batch(1)
      expect(calls).toBe(5)
      expect(results.get('joined')?.parts.length).toBe(4)
    }
  })

  it('runs once per row when only outputs read the stream', async () => {
    let calls = 0
    const build = (ssc: StreamingContext): void => {
      const drawn = ssc.sequenceStream({ uid: 'in', batches: [[1, 2, 3, 4, 5]] }).map((x) => {
        calls += 1
        return x
      })
      drawn.toRows('out')
      drawn.union(drawn).toRows('twice')
    }
    for (const size of [1, 2, 3]) {
      calls = 0
      const results = await new Runner(program(build), { size }).batch(1)
      expect(results.get('twice')?.parts.length).toBe(4)
      expect(calls).toBe(5)
    }
  })

  it('runs once per row when a transform unites what it made with itself', async () => {
    let calls = 0
    const build = (ssc: StreamingContext): void => {
      const s = ssc.sequenceStream({ uid: 'in', batches: [[1, 2, 3]] })
      s.transform((dataset) => {
        const made = dataset.map(() => {
          calls += 1
          return calls
        })
        return made.union(made)
      }).toRows('out')
    }
    const rows = (await new Runner(program(build), { size: 1 }).rows(1)) ?? []
    expect(calls).toBe(3)
    expect(rows.slice(3)).toEqual(rows.slice(0, 3))
  })

  it('keeps no rows of a transform that only an output reads', async () => {
    let calls = 0
    const build = (ssc: StreamingContext): void => {
      const rows = Array.from({ length: 20_000 }, (_, i) => i)
      ssc
        .sequenceStream({ partitions: 1, batches: [rows] })
        .transform((dataset) =>
          dataset.map((x) => {
            calls += 1
            return x
          }),
        )
        .print(1)
    }
    await new Runner(program(build)).batch(1)
    expect(calls).toBe(4096)
  })

  it('runs once per row when a transform asks before the other readers are planned', async () => {
    let calls = 0
    const build = (ssc: StreamingContext): void => {
      const drawn = ssc.sequenceStream({ uid: 'in', batches: [[1, 2, 3, 4, 5]] }).map((x) => {
        calls += 1
        return x
      })
      drawn
        .map((x) => x)
        .transform(async (dataset) => {
          await dataset.count()
          return dataset
        })
        .toRows('out')
      drawn.toRows('later')
    }
    await new Runner(program(build), { size: 2 }).batch(1)
    expect(calls).toBe(5)
  })

  it('that throws is blamed by operator and place', async () => {
    const error = await failureEverywhere((ssc) => {
      ssc
        .sequenceStream({ uid: 'in', batches: [[1, 2, 3]] })
        .map((x) => x)
        .filter((x) => {
          if (x === 3) throw new RangeError('three')
          return true
        })
        .map((x) => x)
        .toRows('out')
    })
    expect(isMillraceError(error, 'MR_USER_FUNCTION_FAILED')).toBe(true)
    expect(String(error)).toMatch(/filter at streams\.test\.ts:\d+:\d+: three/)
  })

  it('that makes no pairs where pairs are needed is told the row', async () => {
    const error = await failureEverywhere((ssc) => {
      const s: DStream<unknown> = ssc.sequenceStream({ uid: 'in', batches: [['word']] })
      // @ts-expect-error rows are not known to be pairs
      s.groupByKey().toRows('out')
    })
    expect(isMillraceError(error, 'MR_NOT_A_PAIR')).toBe(true)
    expect(String(error)).toMatch(/groupByKey at .*not "word"/)
  })

  it('that makes what is no key is told so, at the operator', async () => {
    const error = await failureEverywhere((ssc) => {
      const s = ssc.sequenceStream({ uid: 'in', batches: [[1]] })
      // @ts-expect-error a Date is no key
      s.keyBy(() => new Date(0))
        .groupByKey()
        .toRows('out')
    })
    expect(isMillraceError(error, 'MR_KEY_INVALID')).toBe(true)
    expect(String(error)).toMatch(/groupByKey at .*Date cannot be a key/)
  })
})
