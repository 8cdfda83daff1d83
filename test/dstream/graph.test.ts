/** Building programs: the shape that comes out, and what is refused with which words. */
import { describe, expect, it } from 'vitest'
import { isMillraceError, type ErrorCode } from '../../src/base/errors.ts'
import { millis, seconds } from '../../src/base/time.ts'
import { buildGraph, defineApp, isApp, type App } from '../../src/dstream/app.ts'
import type { Pair } from '../../src/base/keys.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program } from './harness.ts'

const pairs = (ssc: StreamingContext): DStream<Pair<string, number>> =>
  ssc.sequenceStream<Pair<string, number>>({ batches: [] })

/** The error of building; its message. */
function refused(build: (ssc: StreamingContext) => void, code: ErrorCode): string {
  try {
    buildGraph(program(build))
  } catch (error) {
    if (isMillraceError(error, code)) return error.message
    throw error
  }
  throw new Error('the graph was built')
}

describe('a graph', () => {
  it('is data: nodes, inputs, states and outputs, with places', () => {
    const { shape } = buildGraph(
      program((ssc) => {
        const lines = ssc.socketTextStream('localhost', 9999, { uid: 'lines' })
        const counts = lines.map((line) => [line, 1]).reduceByKey((a, b) => a + b)
        counts.print()
        counts
          .updateStateByKey({ uid: 'total', partitions: 8, idle: 'skip' }, (v) => v.length)
          .saveAsTextFiles('totals')
        ssc.httpStream({ uid: 'clicks', port: 8080 }).print(3)
        ssc.generatorStream({ linesPerSecond: 5 }).foreachRDD(() => undefined)
      }),
    )
    expect(JSON.parse(JSON.stringify(shape))).toEqual(shape)
    expect(
      shape.nodes.map(({ id, kind, parents, slideMs }) => [id, kind, parents, slideMs]),
    ).toEqual([
      [0, 'socketTextStream', [], 1000],
      [1, 'map', [0], 1000],
      [2, 'reduceByKey', [1], 1000],
      [3, 'updateStateByKey', [2], 1000],
      [4, 'httpStream', [], 1000],
      [5, 'generatorStream', [], 1000],
    ])
    expect(
      shape.inputs.map(({ streamId, uid, kind, parameters }) => [streamId, uid, kind, parameters]),
    ).toEqual([
      [0, 'lines', 'socketText', { host: 'localhost', port: 9999 }],
      [1, 'clicks', 'http', { host: '127.0.0.1', port: 8080, path: '/' }],
      [2, 'generatorStream-0', 'generator', { linesPerSecond: 5 }],
    ])
    expect(
      shape.outputs.map(({ outputId, uid, kind, node }) => [outputId, uid, kind, node]),
    ).toEqual([
      [0, 'print-0', 'print', 2],
      [1, 'saveAsTextFiles-0', 'textFiles', 3],
      [2, 'print-1', 'print', 4],
      [3, 'foreachRDD-0', 'foreachRDD', 5],
    ])
    const [state] = shape.states
    expect(state).toMatchObject({
      uid: 'total',
      derived: false,
      partitions: 8,
      idle: 'skip',
      node: 3,
    })
    for (const { place } of shape.nodes) expect(place.location).toMatch(/^graph\.test\.ts:\d+:\d+$/)
  })

  it('is the same each time it is built', () => {
    const app = program((ssc) => {
      pairs(ssc)
        .updateStateByKey(() => 1)
        .print()
    })
    expect(buildGraph(app).shape).toEqual(buildGraph(app).shape)
  })

  it('needs an output, and says where the program is', () => {
    const message = refused((ssc) => {
      pairs(ssc)
    }, 'MR_GRAPH_INVALID')
    expect(message).toMatch(/^defineApp at harness\.ts:\d+:\d+: 'test' has no output operations/)
  })

  it('refuses a uid that is taken, with the place of both, and lets roles share one', () => {
    const message = refused((ssc) => {
      pairs(ssc).toRows('a')
      pairs(ssc).toRows('a')
    }, 'MR_GRAPH_INVALID')
    expect(message).toMatch(/toRows at graph.*'a' names another output already \(first at graph/)
    const graph = buildGraph(
      program((ssc) => {
        ssc
          .sequenceStream<Pair<string, number>>({ uid: 'a', batches: [] })
          .updateStateByKey({ uid: 'a' }, (v) => v.length)
          .toRows('a')
      }),
    )
    expect(graph.shape.states[0]?.uid).toBe('a')
  })

  it.each(['', 'a/b', 'a\nb', 'x'.repeat(129)])('refuses the uid %j', (uid) => {
    const message = refused((ssc) => {
      pairs(ssc).toRows(uid)
    }, 'MR_GRAPH_INVALID')
    expect(message).toMatch(/a uid is 1 to 128 characters/)
  })

  it('derives uids that naming another operator does not move', () => {
    const uids = (first?: string): unknown =>
      buildGraph(
        program((ssc) => {
          const s = pairs(ssc)
          s.updateStateByKey(first === undefined ? {} : { uid: first }, () => 1).print()
          s.updateStateByKey(() => 2).print()
        }),
      ).shape.states.map((state) => [state.uid, state.derived])
    expect(uids()).toEqual([
      ['updateStateByKey-0', true],
      ['updateStateByKey-1', true],
    ])
    expect(uids('first')).toEqual([
      ['first', false],
      ['updateStateByKey-1', true],
    ])
  })

  it('refuses streams of another program', () => {
    let foreign: DStream<Pair<string, number>> | undefined
    buildGraph(
      program((ssc) => {
        foreign = pairs(ssc)
        foreign.print()
      }),
    )
    const message = refused((ssc) => {
      if (foreign !== undefined) pairs(ssc).union(foreign).print()
    }, 'MR_GRAPH_INVALID')
    expect(message).toMatch(/union at .*the streams belong to different programs/)
  })

  it('refuses additions after it was built, and after it was stopped, in different words', () => {
    let stream: DStream<Pair<string, number>> | undefined
    const graph = buildGraph(
      program((ssc) => {
        stream = pairs(ssc)
        stream.print()
      }),
    )
    const added = (): unknown => stream?.map((x) => x)
    expect(added).toThrow(
      /adding new inputs, transformations, and output operations after starting/,
    )
    expect(() => {
      stream?.print()
    }).toThrow(/after starting a context is not supported/)
    graph.stop()
    expect(added).toThrow(/after stopping a context is not supported/)
  })

  it.each<[string, (ssc: StreamingContext) => unknown, RegExp]>([
    [
      'partitions',
      (ssc) => pairs(ssc).reduceByKey((a) => a, 0),
      /reduceByKey at .*from 1 to 4096, not 0/,
    ],
    ['partitions', (ssc) => pairs(ssc).repartition(1.5), /repartition at .*not 1.5/],
    [
      'state partitions',
      (ssc) => pairs(ssc).updateStateByKey({ partitions: -1 }, () => 1),
      /not -1/,
    ],
    ['an empty union', (ssc) => ssc.union([]), /union at .*at least one stream/],
    ['a port', (ssc) => ssc.socketTextStream('h', 0), /socketTextStream at .*from 1 to 65535/],
    ['a host', (ssc) => ssc.socketTextStream('', 1), /the host must be/],
    [
      'print',
      (ssc) => {
        pairs(ssc).print(-1)
      },
      /print at .*not -1/,
    ],
    [
      'a checkpoint below the slide',
      (ssc) => pairs(ssc).checkpoint(millis(500)),
      /checkpoint at .*1000 ms/,
    ],
    ['a checkpoint between slides', (ssc) => pairs(ssc).checkpoint(millis(1500)), /multiple/],
    [
      'an initial state with a bad key',
      (ssc) =>
        pairs(ssc).updateStateByKey(
          // @ts-expect-error an object is no key
          { initial: [[{}, 1]] },
          (v: readonly number[]) => v.length,
        ),
      /updateStateByKey at .*cannot be a key/,
    ],
  ])('refuses %s that cannot be', (_name, build, message) => {
    expect(() => buildGraph(program((ssc) => void build(ssc)))).toThrow(message)
  })

  it.each([
    ['map', (stream: DStream<string>, f: never) => stream.map(f)],
    ['filter', (stream: DStream<string>, f: never) => stream.filter(f)],
    ['transform', (stream: DStream<string>, f: never) => stream.transform(f)],
    ['foreachRDD', (stream: DStream<string>, f: never) => stream.foreachRDD(f)],
    [
      'foreachPartition',
      (stream: DStream<string>, f: never) => stream.foreachPartition({ uid: 'x' }, f),
    ],
  ])('refuses a %s without a function, at its place', (operator, use) => {
    for (const wrong of [undefined, {}, 3]) {
      const message = refused((ssc) => {
        use(ssc.socketTextStream('h', 1), wrong as never)
      }, 'MR_GRAPH_INVALID')
      expect(message).toMatch(
        new RegExp(`^${operator} at graph\\.test\\.ts:\\d+:\\d+: needs a fun`),
      )
    }
  })

  it('shows the order of what foreachRDD and receiverStream are given', () => {
    const swapped = refused((ssc) => {
      ssc.socketTextStream('h', 1).foreachRDD({ uid: 'x' } as never, (() => undefined) as never)
    }, 'MR_GRAPH_INVALID')
    expect(swapped).toContain('write foreachRDD((dataset, context) => …, options)')
    const none = refused((ssc) => {
      ssc.receiverStream({ uid: 'x' }, undefined as never)
    }, 'MR_GRAPH_INVALID')
    expect(none).toContain('write receiverStream(options, () => receiver)')
  })

  it('refuses an async function where a row is wanted', () => {
    const message = refused((ssc) => {
      ssc.socketTextStream('h', 1).map(async (line) => await Promise.resolve(line))
    }, 'MR_GRAPH_INVALID')
    expect(message).toMatch(/^map at .*returns a promise: functions of operators are synchronous/)
  })

  it('says where the program failed when its own code throws', () => {
    const message = refused(() => {
      throw new Error('oh')
    }, 'MR_PROGRAM_BUILD_FAILED')
    expect(message).toMatch(/'test' failed while it was built at graph\.test\.ts:\d+:\d+: oh/)
  })
})

describe('defineApp', () => {
  const app = defineApp(
    { name: 'p', batchInterval: seconds(1), params: { host: 'h', port: 1, verbose: false } },
    (ssc, { host, port, verbose }) => {
      const lines = ssc.socketTextStream(host, port)
      if (verbose) lines.print()
      lines.count().print()
    },
  )

  it('reads parameters as the types of their defaults', () => {
    const { shape } = buildGraph(app, { port: '99', verbose: 'true' })
    expect(shape.inputs[0]?.parameters).toEqual({ host: 'h', port: 99 })
    expect(shape.outputs).toHaveLength(2)
    expect(app.defaults).toEqual({ host: 'h', port: 1, verbose: false })
  })

  it.each([
    [{ prot: 1 }, /parameter 'prot' of defineApp at .*it has host, port, verbose/],
    [{ port: 'x' }, /parameter 'port' .*must be a number, not "x"/],
    [{ port: '' }, /must be a number/],
    [{ verbose: 'yes' }, /must be true or false/],
    [{ toString: 'x' }, /no such parameter/],
  ])('refuses the parameters %j', (params, message) => {
    expect(() => buildGraph(app, params)).toThrow(message)
  })

  it('is known by its kind', () => {
    expect([isApp(app), isApp({}), isApp(null), isApp(() => app)]).toEqual([
      true,
      false,
      false,
      false,
    ])
  })

  it.each([
    ['', seconds(1)],
    ['a/b', seconds(1)],
    ['a', millis(0)],
  ])('refuses the name %j with the interval %d', (name, batchInterval) => {
    expect((): App<unknown> => defineApp({ name, batchInterval }, () => undefined)).toThrow(
      /^defineApp at graph/,
    )
  })
})
