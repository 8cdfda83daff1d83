/** What must and must not compile. The compiler judges; the bodies run to see that they build. */
import { describe, expect, expectTypeOf, it } from 'vitest'
import { json } from '../../src/base/codec.ts'
import { encodeKey, type Key, type Pair } from '../../src/base/keys.ts'
import { seconds } from '../../src/base/time.ts'
import { buildGraph, defineApp, type App } from '../../src/dstream/app.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import type { Receiver } from '../../src/dstream/custom-receiver.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program } from './harness.ts'

/** Builds without running a batch. */
function compiles(build: (ssc: StreamingContext, lines: DStream<string>) => void): void {
  const graph = buildGraph(
    program((ssc) => {
      const lines = ssc.socketTextStream('h', 1)
      lines.print()
      build(ssc, lines)
    }),
  )
  expect(graph.shape.outputs.length).toBeGreaterThan(0)
}

describe('the types of streams', () => {
  it('take [word, 1] for a pair, also in lists and with tuple keys', () => {
    compiles((_ssc, lines) => {
      const words = lines.flatMap((line) => line.split(' ')).map((word) => [word, 1])
      expectTypeOf(words).toEqualTypeOf<DStream<Pair<string, number>>>()
      expectTypeOf(words.reduceByKey((a, b) => a + b)).toEqualTypeOf<
        DStream<Pair<string, number>>
      >()
      const tuples = lines.map((line) => [[line, line.length], 1])
      expectTypeOf(tuples.reduceByKey((a, b) => a + b).node).not.toBeAny()
      const many = lines.flatMap((line) => [
        [line, 1],
        [line, 2],
      ])
      expectTypeOf(many).toEqualTypeOf<DStream<Pair<string, number>>>()
      expectTypeOf(many.groupByKey()).toEqualTypeOf<DStream<Pair<string, readonly number[]>>>()
    })
  })

  it('leave rows that are no pairs alone', () => {
    compiles((_ssc, lines) => {
      expectTypeOf(lines.map((line) => line.length)).toEqualTypeOf<DStream<number>>()
      expectTypeOf(lines.flatMap((line) => line.split(' '))).toEqualTypeOf<DStream<string>>()
      expectTypeOf(lines.map((line) => ({ line }))).toEqualTypeOf<DStream<{ line: string }>>()
      expectTypeOf(lines.count()).toEqualTypeOf<DStream<number>>()
      expectTypeOf(lines.countByValue()).toEqualTypeOf<DStream<Pair<string, number>>>()
      expectTypeOf(lines.glom()).toEqualTypeOf<DStream<readonly string[]>>()
      expectTypeOf(lines.keyBy((line) => line.length)).toEqualTypeOf<
        DStream<Pair<number, string>>
      >()
    })
  })

  it('refuse key operators on what is no pair, and what is no key', () => {
    compiles((_ssc, lines) => {
      const lengths = lines.map((line) => line.length)
      // @ts-expect-error numbers are no pairs
      lengths.reduceByKey((a: number, b: number) => a + b)
      // @ts-expect-error a Date is no key
      lines.keyBy(() => new Date(0))
      // @ts-expect-error a Date is no key
      lines.map((line): [Date, string] => [new Date(0), line]).groupByKey()
      // @ts-expect-error objects are not counted by value
      lines.map((line) => ({ line })).countByValue()
      const words = lines.map((line) => [line, 1])
      // @ts-expect-error a number is not reduced to a text
      words.reduceByKey((a, b) => `${String(a)}${String(b)}`)
    })
  })

  it('take the state of updateStateByKey from its codec or one annotation', () => {
    compiles((_ssc, lines) => {
      const words = lines.map((line) => [line, 1])
      const byCodec = words.updateStateByKey(
        { uid: 'total', codec: json<number>() },
        (ones, before) => {
          expectTypeOf(before).toEqualTypeOf<number | undefined>()
          expectTypeOf(ones).toEqualTypeOf<readonly number[]>()
          return (before ?? 0) + ones.length
        },
      )
      expectTypeOf(byCodec).toEqualTypeOf<DStream<Pair<string, number>>>()
      const annotated = words.updateStateByKey(
        (ones, before: number | undefined) => (before ?? 0) + ones.length,
      )
      expectTypeOf(annotated).toEqualTypeOf<DStream<Pair<string, number>>>()
      // @ts-expect-error a text is no state of numbers
      words.updateStateByKey({ codec: json<number>() }, () => 'x')
    })
  })

  it('carry both sides through the joins', () => {
    compiles((_ssc, lines) => {
      const a = lines.map((line) => [line, 1])
      const b = lines.map((line) => [line, true])
      type Row<V> = DStream<Pair<string, V>>
      expectTypeOf(a.join(b)).toEqualTypeOf<Row<Pair<number, boolean>>>()
      expectTypeOf(a.leftOuterJoin(b)).toEqualTypeOf<Row<Pair<number, boolean | null>>>()
      expectTypeOf(a.rightOuterJoin(b)).toEqualTypeOf<Row<Pair<number | null, boolean>>>()
      expectTypeOf(a.fullOuterJoin(b)).toEqualTypeOf<Row<Pair<number | null, boolean | null>>>()
      expectTypeOf(a.cogroup(b)).toEqualTypeOf<Row<Pair<readonly number[], readonly boolean[]>>>()
      // @ts-expect-error keys of another type
      a.join(lines.map((line) => [line.length, 1]))
    })
  })

  it('know the dataset in transform and foreachRDD', () => {
    compiles((ssc, lines) => {
      const words = lines.map((line) => [line, 1])
      const sorted = words.transform((dataset, { time }) => {
        expectTypeOf(dataset).toEqualTypeOf<Dataset<Pair<string, number>>>()
        expectTypeOf(time).toEqualTypeOf<number>()
        return dataset.reduceByKey((a, b) => a + b).sortByKey(false)
      })
      expectTypeOf(sorted).toEqualTypeOf<DStream<Pair<string, number>>>()
      words.foreachRDD(async (dataset) => {
        expectTypeOf(await dataset.collect()).toEqualTypeOf<readonly Pair<string, number>[]>()
      })
      // @ts-expect-error a number is no dataset
      words.transform(() => 1)
      expectTypeOf(ssc.union([lines, lines])).toEqualTypeOf<DStream<string>>()
      expectTypeOf(lines.transform((d) => d.distinct())).toEqualTypeOf<DStream<string>>()
    })
  })

  it('know the resource that a partition uses', () => {
    compiles((ssc, lines) => {
      const pool = ssc.resource({ uid: 'pool', open: () => ({ n: 1 }), close: () => undefined })
      lines.foreachPartition({ uid: 'store' }, async (rows, ctx) => {
        expectTypeOf(rows).toEqualTypeOf<Iterable<string>>()
        expectTypeOf(await ctx.use(pool)).toEqualTypeOf<{ n: number }>()
        expectTypeOf(ctx.address).toEqualTypeOf<string>()
      })
      // @ts-expect-error an address needs a uid
      lines.foreachPartition({}, () => undefined)
    })
  })

  it('know the records of a custom receiver', () => {
    const make = (): Receiver<{ id: number }> => ({
      onStart: (context) => context.store([{ id: 1 }]),
    })
    compiles((ssc) => {
      expectTypeOf(ssc.receiverStream({ uid: 'r' }, make)).toEqualTypeOf<DStream<{ id: number }>>()
    })
  })
})

describe('the types of parameters', () => {
  it('are widened from their defaults', () => {
    const app = defineApp(
      { name: 'a', batchInterval: seconds(1), params: { host: 'h', port: 1, on: true } },
      (ssc, params) => {
        expectTypeOf(params).toEqualTypeOf<{
          readonly host: string
          readonly port: number
          readonly on: boolean
        }>()
        ssc.socketTextStream(params.host, params.port).print()
      },
    )
    expectTypeOf(app.defaults.port).toEqualTypeOf<number>()
    expectTypeOf(app).toExtend<App<unknown>>()
    expect(app.name).toBe('a')
  })

  it('are none where none are given', () => {
    const app = defineApp({ name: 'a', batchInterval: seconds(1) }, (_ssc, params) => {
      // @ts-expect-error there is no such parameter
      expectTypeOf(params.host).toBeNever()
    })
    expect(app.defaults).toEqual({})
  })

  it('need a duration, not a number', () => {
    // @ts-expect-error one second is seconds(1)
    expect(defineApp({ name: 'a', batchInterval: 1000 }, () => undefined).name).toBe('a')
  })
})

describe('keys', () => {
  it('are closed', () => {
    expectTypeOf<readonly [string, number]>().toExtend<Key>()
    expectTypeOf<Uint8Array>().toExtend<Key>()
    expectTypeOf<Date>().not.toExtend<Key>()
    expectTypeOf<undefined>().not.toExtend<Key>()
    // @ts-expect-error a Date is no key
    expect(() => encodeKey(new Date(0))).toThrow('Date cannot be a key')
  })
})
