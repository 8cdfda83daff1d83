/** `updateStateByKey`: every rule of its table, the initial state, and what is written. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json, type Codec } from '../../src/base/codec.ts'
import type { Pair } from '../../src/base/keys.ts'
import type { StateOptions } from '../../src/dstream/dstream.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program, rowsEverywhere, Runner } from './harness.ts'

type Batches = readonly (readonly Pair<string, number>[] | null)[]

const sum = (values: readonly number[], before: number | undefined): number =>
  values.reduce((a, b) => a + b, before ?? 0)

const summing =
  (batches: Batches, options: StateOptions<number> = {}) =>
  (ssc: StreamingContext): void => {
    ssc
      .sequenceStream({ uid: 'in', batches })
      .updateStateByKey({ uid: 'total', codec: json<number>(), ...options }, sum)
      .toRows('out')
  }

const sorted = (rows: readonly unknown[] | undefined): unknown =>
  rows === undefined ? undefined : rows.map((row) => JSON.stringify(row)).sort()

const totals = async (batches: Batches, options: StateOptions<number> = {}): Promise<unknown[]> =>
  (await rowsEverywhere(summing(batches, options), batches.length)).map(sorted)

describe('updateStateByKey', () => {
  it('carries a state per key and shows all keys in every batch', async () => {
    const a: Pair<string, number> = ['a', 1]
    expect(await totals([[a], [a, ['b', 5], a], []])).toEqual([
      ['["a",1]'],
      ['["a",3]', '["b",5]'],
      ['["a",3]', '["b",5]'],
    ])
  })

  it('sees idle keys in a batch without a dataset, and none before the first dataset', async () => {
    expect(await totals([null, null, [['a', 1]], null, []])).toEqual([
      undefined,
      undefined,
      ['["a",1]'],
      ['["a",1]'],
      ['["a",1]'],
    ])
  })

  it('lays the initial state down with the first dataset, the first of a key', async () => {
    const initial: Pair<string, number>[] = [
      ['z', 1],
      ['a', 10],
      ['z', 5],
    ]
    expect(await totals([null, [['a', 1]], null], { initial })).toEqual([
      undefined,
      ['["a",11]', '["z",1]'],
      ['["a",11]', '["z",1]'],
    ])
  })

  it('lays the initial state down once, also in a program that was started again', async () => {
    const initial: Pair<string, number>[] = [['z', 1]]
    const build = (ssc: StreamingContext): void => {
      ssc
        .sequenceStream<Pair<string, number>>({ uid: 'in', batches: [[], [['z', 0]], []] })
        .updateStateByKey({ uid: 'total', initial }, (values, before: number | undefined) =>
          values.length > 0 ? undefined : before,
        )
        .toRows('out')
    }
    const first = new Runner(program(build))
    expect(await first.rows(1)).toEqual([['z', 1]])
    expect(await first.rows(2)).toEqual([])
    const again = new Runner(program(build), { states: first.states })
    expect(await again.rows(3)).toEqual([])
  })

  it('removes a key whose function returns undefined', async () => {
    const rows = await rowsEverywhere((ssc) => {
      ssc
        .sequenceStream<Pair<string, number>>({ batches: [[['a', 1]], [['b', 2]], []] })
        .updateStateByKey((values, before: number | undefined) =>
          values.length === 0 ? undefined : sum(values, before),
        )
        .toRows('out')
    }, 3)
    expect(rows).toEqual([[['a', 1]], [['b', 2]], []])
  })

  it('calls and shows only touched keys when idle keys are skipped', async () => {
    const initial: Pair<string, number>[] = [['z', 1]]
    const batches: Batches = [[['a', 1]], [['b', 2]], null, [['a', 5]], [['z', 1]]]
    expect(await totals(batches, { idle: 'skip', initial })).toEqual([
      ['["a",1]'],
      ['["b",2]'],
      [],
      ['["a",6]'],
      ['["z",2]'],
    ])
  })

  it('hands the values of a key over in the order of their partitions', async () => {
    const rows = await rowsEverywhere((ssc) => {
      ssc
        .sequenceStream({ partitions: 4, batches: [[1, 2, 3, 4, 5, 6, 7, 8]] })
        .map((x) => ['all', x])
        .updateStateByKey((values, before: number[] | undefined) => [...(before ?? []), ...values])
        .toRows('out')
    }, 1)
    expect(rows).toEqual([[['all', [1, 2, 3, 4, 5, 6, 7, 8]]]])
  })

  it('passes the batch time and a growing attempt', async () => {
    const rows = await rowsEverywhere((ssc) => {
      ssc
        .sequenceStream<Pair<string, number>>({ batches: [[['a', 1]], []] })
        .updateStateByKey((_v, before: string | undefined, { time, attempt }) =>
          [before ?? '', time, attempt].join(' '),
        )
        .toRows('out')
    }, 2)
    expect(rows).toEqual([[['a', ' 1000 1']], [['a', ' 1000 1 2000 2']]])
  })

  it('does not let a change in place of a state leak', async () => {
    const build = (ssc: StreamingContext): void => {
      const states = ssc
        .sequenceStream<Pair<string, number>>({ batches: [[['a', 1]], [], []] })
        .updateStateByKey((values, before: { n: number } | undefined) => {
          const state = before ?? { n: 0 }
          state.n += values.length
          return state
        })
      states
        .map(([key, state]) => {
          state.n += 100
          return [key, state.n]
        })
        .toRows('out')
    }
    expect(await rowsEverywhere(build, 3)).toEqual([[['a', 101]], [['a', 101]], [['a', 101]]])
  })

  it('leaves no trace of a batch that failed', async () => {
    let fail = true
    const runner = new Runner(
      program((ssc) => {
        const totals = ssc
          .sequenceStream<Pair<string, number>>({ batches: [[['a', 1]], [['a', 2]]] })
          .updateStateByKey(sum)
        totals
          .map((row) => {
            if (fail) throw new Error('not now')
            return row
          })
          .toRows('out')
      }),
      { size: 2 },
    )
    await expect(runner.batch(1)).rejects.toThrow('not now')
    await expect(runner.batch(1)).rejects.toThrow('not now')
    fail = false
    expect(await runner.rows(1)).toEqual([['a', 1]])
    expect(await runner.rows(2)).toEqual([['a', 3]])
  })

  it('is updated in every batch, whether an output asks for its rows or not', async () => {
    let silent = true
    const runner = new Runner(
      program((ssc) => {
        const stream = ssc.sequenceStream<Pair<string, number>>({
          batches: [[['a', 1]], [['a', 2]], []],
        })
        stream.updateStateByKey(sum).foreachRDD(async (dataset) => {
          if (!silent) seen.push(...(await dataset.collect()))
        })
      }),
      { size: 3 },
    )
    const seen: unknown[] = []
    await runner.batch(1)
    await runner.batch(2)
    silent = false
    await runner.batch(3)
    expect(seen).toEqual([['a', 3]])
  })

  it('writes nothing for a key whose state stays as it was', async () => {
    const runner = new Runner(program(summing([[['a', 1]], [['b', 0]], []])))
    await runner.batch(1)
    await runner.batch(2)
    expect(runner.writes).toBe(1)
    await runner.batch(3)
    expect(runner.writes).toBe(0)
  })

  it('reads values under the version of the codec they were written with', async () => {
    const first = new Runner(program(summing([[['a', 1]]])))
    await first.batch(1)
    const second: Codec<number> = {
      version: 3,
      encode: (value) => Uint8Array.of(value),
      decode: (bytes, version) =>
        version === 3 ? (bytes[0] ?? 0) : json<number>().decode(bytes, version),
    }
    const build = summing([[], [['a', 5]], []], { codec: second })
    const next = new Runner(program(build), { states: first.states })
    expect(await next.rows(2)).toEqual([['a', 6]])
    expect(await next.rows(3)).toEqual([['a', 6]])
  })

  it('feeds any number of readers with the same rows', async () => {
    let calls = 0
    const runner = new Runner(
      program((ssc) => {
        const totals = ssc
          .sequenceStream<Pair<string, number>>({ batches: [[['a', 1]]] })
          .updateStateByKey((values, before: number | undefined) => {
            calls += 1
            return sum(values, before)
          })
        totals.toRows('out')
        totals.count().toRows('count')
        totals.join(totals).toRows('joined')
      }),
      { size: 2 },
    )
    const results = await runner.batch(1)
    expect(results.size).toBe(3)
    expect(calls).toBe(1)
  })

  it('equals a map of sums over random batches and random restarts', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'dd', '')
    const batch = fc.array(fc.tuple(key, fc.integer({ min: -5, max: 5 })), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(batch, fc.boolean()), { maxLength: 8 }),
        fc.integer({ min: 1, max: 3 }),
        async (steps, size) => {
          const build = summing(steps.map(([rows]) => rows))
          let runner = new Runner(program(build), { size })
          const model = new Map<string, number>()
          for (const [i, [rows, restart]] of steps.entries()) {
            if (restart) runner = new Runner(program(build), { size, states: runner.states })
            for (const [k, v] of rows) model.set(k, (model.get(k) ?? 0) + v)
            expect(sorted(await runner.rows(i + 1))).toEqual(sorted([...model]))
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})
