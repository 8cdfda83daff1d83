/** When what runs: fusion, rows that are kept, partitions looked at, places, limits, errors. */
import { describe, expect, it } from 'vitest'
import { AssertionFailure } from '../../src/base/assert.ts'
import { isMillraceError, MillraceError } from '../../src/base/errors.ts'
import type { Place } from '../../src/dataset/runtime.ts'
import { take } from '../../src/dataset/actions.ts'
import { CHUNK_ROWS_MAX } from '../../src/dataset/limits.ts'
import { LocalNetwork, localRuntime, localScope, onProcesses } from './local-runtime.ts'
import { everywhere, failure, maker, SIZES } from './support.ts'

describe('a function', () => {
  it('runs once per row when its dataset is used again after an action', async () => {
    for (const size of SIZES) {
      let calls = 0
      const answers = await onProcesses(size, async (runtime) => {
        const drawn = maker(localScope(runtime))
          .rows([1, 2, 3, 4, 5, 6, 7])
          .map(() => {
            calls += 1
            return calls
          })
        const before = await drawn.filter(() => true).collect()
        const after = await drawn.union(drawn).collect()
        return [before, after.slice(0, 7), after.slice(7)]
      })
      expect(calls).toBe(7)
      for (const [before, one, two] of answers) {
        expect(one).toEqual(before)
        expect(two).toEqual(before)
      }
    }
  })

  it('runs for no more partitions than take needs', async () => {
    for (const size of SIZES) {
      const seen: number[] = []
      await onProcesses(size, async (runtime) => {
        const rows = maker(localScope(runtime)).rows('abcdefghijklmnop'.split(''), 16)
        const numbered = rows.map((letter) => {
          seen.push(letter.charCodeAt(0) - 97)
          return letter
        })
        expect(await numbered.take(3)).toEqual(['a', 'b', 'c'])
      })
      expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4])
    }
  })

  it('runs for no more chunks than take needs', async () => {
    let calls = 0
    const runtime = localRuntime(new LocalNetwork(1), 0)
    const counted = maker(localScope(runtime))
      .rows(Array.from({ length: 10_000 }), 1)
      .mapPartitions(function* (part) {
        for (const row of part) {
          calls += 1
          yield row
        }
      })
    // An action keeps what it computed of a handle; the source below it is read chunk by chunk.
    expect(await take(counted.node, { operator: 'take' }, 3)).toHaveLength(3)
    expect(calls).toBeLessThanOrEqual(CHUNK_ROWS_MAX + 1)
  })

  it('never sees text that is only counted', async () => {
    // No UTF-8: decoding it would fail.
    const bytes = Buffer.from([0x61, 0x0a, 0xff, 0x0a])
    const counted = await everywhere((make) =>
      make.text('one\n', bytes, '').union(make.text('four\n')).count(),
    )
    expect(counted).toBe(4)
    await expect(everywhere((make) => make.text(bytes).collect())).rejects.toThrow(TypeError)
  })

  it('is named before it runs', async () => {
    const entered: (readonly Place[])[] = []
    const runtime = localRuntime(new LocalNetwork(1), 0, (places) => {
      entered.push(places)
    })
    await maker(localScope(runtime))
      .rows([1])
      .map((x) => x)
      .filter(() => true)
      .map((x) => [x, x])
      .reduceByKey((a) => a)
      .collect()
    const names = entered.map((places) => places.map((place) => place.operator))
    expect(names[0]).toEqual(['source', 'map', 'filter', 'map', 'reduceByKey'])
    expect(names).toContainEqual(['reduceByKey', 'collect'])
    expect(entered[0]?.[1]?.location).toMatch(/^plan\.test\.ts:\d+:\d+$/)
  })
})

describe('an error', () => {
  const rows = [1, 2, 3, 4]

  it.each<[string, Parameters<typeof failure>[0]]>([
    ['map', (make) => make.rows(rows).map(three).collect()],
    [
      'filter',
      (make) =>
        make
          .rows(rows)
          .filter((x) => three(x) > 0)
          .count(),
    ],
    [
      'flatMap',
      (make) =>
        make
          .rows(rows)
          .flatMap((x) => [three(x)])
          .count(),
    ],
    [
      'mapPartitions',
      (make) =>
        make
          .rows(rows)
          .mapPartitions((part) => [...part].map(three))
          .count(),
    ],
    ['keyBy', (make) => make.rows(rows).keyBy(three).count()],
    [
      'mapValues',
      (make) =>
        make
          .rows(rows)
          .map((x) => [x, x])
          .mapValues(three)
          .count(),
    ],
    ['sortBy', (make) => make.rows(rows).sortBy(three).count()],
    ['foreach', (make) => make.rows(rows).foreach(three)],
    ['reduce', (make) => make.rows(rows).reduce(noThree)],
    [
      'reduceByKey',
      (make) =>
        make
          .rows(rows)
          .map((x) => [0, x])
          .reduceByKey(noThree)
          .count(),
    ],
  ])('in %s names it, its place and the message, once', async (operator, f) => {
    const error = await failure(f)
    expect(isMillraceError(error, 'MR_USER_FUNCTION_FAILED')).toBe(true)
    expect(error.message).toMatch(new RegExp(`^${operator} at plan\\.test\\.ts:\\d+:\\d+: three$`))
    expect(error.cause).toBeInstanceOf(RangeError)
  })

  it('of a row that is no pair shows the row, cut', async () => {
    const error = await failure((make) => {
      const dataset = make.rows<unknown>([['a', 1], { long: 'x'.repeat(200) }])
      // @ts-expect-error rows are not known to be pairs
      return dataset.groupByKey().collect()
    })
    expect(isMillraceError(error, 'MR_NOT_A_PAIR')).toBe(true)
    expect(error.message).toMatch(/^groupByKey at .* not \{"long":"x{60,80}…$/)
  })

  it('of a key that is none names the operator', async () => {
    const error = await failure((make) => {
      const dataset = make.rows<unknown>([{ no: 'key' }])
      // @ts-expect-error rows are not known to be keys
      return dataset.distinct().collect()
    })
    expect(isMillraceError(error, 'MR_KEY_INVALID')).toBe(true)
    expect(error.message).toMatch(/^distinct at plan\.test\.ts.*Object cannot be a key/)
  })

  it('of reading, or of a broken invariant, is not blamed on a function', async () => {
    for (const given of [
      new MillraceError('MR_LOG_DAMAGED', 'segment 3'),
      new AssertionFailure('broken'),
    ]) {
      const error = await failure((make) =>
        make
          .rows([1])
          .map(() => {
            throw given
          })
          .mapPartitions((part) => [...part])
          .collect(),
      )
      expect(error).toBe(given)
    }
  })

  it('says that a row cannot go to another process', async () => {
    const functions = onProcesses(2, (runtime) =>
      maker(localScope(runtime))
        .rows([1, 2])
        .map((x) => [x, () => x])
        .groupByKey()
        .collect(),
    )
    await expect(functions).rejects.toThrow(
      /^groupByKey at plan\.test\.ts.*not plain data and cannot go to another process/,
    )
  })

  it('of too many bytes for one process says how many, and what to do', async () => {
    const rows500 = Array.from({ length: 500 }, (_, i) => `row ${String(i)}`)
    for (const size of SIZES) {
      const error: unknown = await onProcesses(size, (runtime) =>
        maker(localScope(runtime, { collectBytesMax: 2000 }))
          .rows(rows500)
          .collect(),
      ).catch((e: unknown) => e)
      expect(isMillraceError(error, 'MR_COLLECT_TOO_LARGE')).toBe(true)
      expect(String(error)).toMatch(
        /collect at .* would bring \d+ bytes .*limit is 2000: take fewer/,
      )
    }
  })

  it('ends all when the attempt is given up', async () => {
    const network = new LocalNetwork(1)
    const dataset = maker(localScope(localRuntime(network, 0))).rows([1, 2, 3])
    network.abort(new Error('enough'))
    const error: unknown = await dataset.collect().catch((e: unknown) => e)
    expect(isMillraceError(error, 'MR_ATTEMPT_ABORTED')).toBe(true)
  })

  it('tells a process that does something else', async () => {
    const different = onProcesses(2, async (runtime) => {
      const rows = maker(localScope(runtime)).rows([3, 1, 2])
      return runtime.collective.rank === 0 ? await rows.count() : await rows.collect()
    })
    await expect(different).rejects.toThrow(
      /meeting of '#1 (count|collect) at .*'#1 (collect|count)/,
    )
  })

  it.each([0, -1, 1.5, NaN, 4097])('refuses %d partitions', async (n) => {
    const error = await failure((make) => make.rows([1]).repartition(n).collect())
    expect(isMillraceError(error, 'MR_GRAPH_INVALID')).toBe(true)
  })
})

const noThree = (a: number, b: number): number => three(a === 3 || b === 3 ? 3 : a + b)

function three(x: number): number {
  if (x === 3) throw new RangeError('three')
  return x
}
