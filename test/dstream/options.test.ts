/** What operators are handed beside functions: refused while building, with its place. */
import { describe, expect, it } from 'vitest'
import { isMillraceError } from '../../src/base/errors.ts'
import type { Pair } from '../../src/base/keys.ts'
import { seconds } from '../../src/base/time.ts'
import { buildGraph, defineApp } from '../../src/dstream/app.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program } from './harness.ts'

/** What a program in JavaScript may hand over, unseen by the compiler. */
const any = (value: unknown): never => value as never

const pairs = (ssc: StreamingContext): DStream<Pair<string, number>> =>
  ssc.sequenceStream<Pair<string, number>>({ batches: [] })
const words = (ssc: StreamingContext): DStream<string> =>
  ssc.sequenceStream<string>({ batches: [] })

function refusal(build: (ssc: StreamingContext) => unknown): string {
  try {
    buildGraph(program((ssc) => void build(ssc)))
  } catch (error) {
    if (isMillraceError(error, 'MR_GRAPH_INVALID')) return error.message
    throw error
  }
  throw new Error('the graph was built')
}

const codec = { version: 1, encode: () => new Uint8Array(), decode: () => 1 }
const state = (ssc: StreamingContext, options: unknown): unknown =>
  pairs(ssc).updateStateByKey(
    any(options),
    any(() => 1),
  )

describe('options', () => {
  it.each<[string, (ssc: StreamingContext) => unknown, string]>([
    ['httpStream', (ssc) => ssc.httpStream(any({ port: 1, prot: 2 })), "did you mean 'port'?"],
    ['updateStateByKey', (ssc) => state(ssc, { partitons: 4 }), "did you mean 'partitions'?"],
    ['sequenceStream', (ssc) => ssc.sequenceStream(any({ batchs: [] })), "did you mean 'batches'?"],
    ['generatorStream', (ssc) => ssc.generatorStream(any({ rate: 1 })), 'there is uid, linesPer'],
    ['socketTextStream', (ssc) => ssc.socketTextStream('h', 1, any({ id: 'x' })), "'uid'"],
    [
      'print',
      (ssc) => {
        words(ssc).print(1, any({ name: 'x' }))
      },
      "'name' is no option of print",
    ],
    [
      'print',
      (ssc) => {
        words(ssc).print(1, any('x'))
      },
      'must be an object, not "x"',
    ],
    [
      'saveAsTextFiles',
      (ssc) => {
        words(ssc).saveAsTextFiles('a', '', any({ Uid: 'x' }))
      },
      "did you mean 'uid'?",
    ],
    [
      'foreachRDD',
      (ssc) => {
        words(ssc).foreachRDD(() => undefined, any({ ui: 1 }))
      },
      "'uid'",
    ],
    [
      'foreachPartition',
      (ssc) => {
        words(ssc).foreachPartition(any({ uid: 'x', uuid: 'y' }), () => undefined)
      },
      "'uuid' is no option",
    ],
    ['resource', (ssc) => ssc.resource(any({ uid: 'r', opn: 1 })), "did you mean 'open'?"],
    ['receiverStream', (ssc) => ssc.receiverStream(any(undefined), any(1)), 'not undefined'],
  ])('of %s are refused by a name they do not have', (operator, build, message) => {
    const said = refusal(build)
    expect(said).toMatch(new RegExp(`^${operator} at options\\.test\\.ts:\\d+:\\d+: `))
    expect(said).toContain(message)
  })

  it('of a program are refused too', () => {
    const options = any({ name: 'x', batchInterval: seconds(1), parms: {} })
    expect(() => defineApp(options, () => undefined)).toThrow("did you mean 'params'?")
  })

  it.each([
    [{ idle: 'sometimes' }, `idle is 'call' or 'skip', not "sometimes"`],
    [{ idle: null }, 'not null'],
    [
      { codec: { ...codec, version: -1 } },
      "the codec's version must be a whole number from 0, not -1",
    ],
    [{ codec: { ...codec, version: 1.5 } }, 'not 1.5'],
    [{ codec: { ...codec, version: 2 ** 53 } }, 'from 0'],
    [{ codec: { version: 1 } }, 'the functions encode and decode'],
    [{ codec: 'json' }, 'the codec must be an object'],
  ])('of a state have values that can be: %j', (options, message) => {
    const said = refusal((ssc) => state(ssc, options))
    expect(said).toMatch(/^updateStateByKey at options\.test\.ts:\d+:\d+: /)
    expect(said).toContain(message)
  })

  it('may be a codec of a class of its own', () => {
    class Own {
      readonly version = 7
      encode(): Uint8Array {
        return Uint8Array.of(this.version)
      }
      decode(): number {
        return this.version
      }
    }
    const { shape } = buildGraph(
      program((ssc) => {
        pairs(ssc)
          .updateStateByKey({ codec: new Own() }, () => 1)
          .print()
      }),
    )
    expect(shape.states[0]?.codecVersion).toBe(7)
  })

  it.each([
    [5, '', 'the prefix must be a text, not 5'],
    [undefined, '', 'the prefix must be a text, not undefined'],
    ['a', 'a/b', 'the suffix must be a text without "/", not "a/b"'],
    ['a', 7, 'not 7'],
    ['a\u0000', '', 'zero character'],
  ])('of text files make a path: %j, %j', (prefix, suffix, message) => {
    const said = refusal((ssc) => {
      words(ssc).saveAsTextFiles(any(prefix), any(suffix))
    })
    expect(said).toMatch(/^saveAsTextFiles at options\.test\.ts:\d+:\d+: /)
    expect(said).toContain(message)
  })
})

describe('two text file outputs', () => {
  const both =
    (one: string, other: string, suffix = '') =>
    (ssc: StreamingContext) => {
      const lines = words(ssc)
      lines.saveAsTextFiles(one)
      lines.saveAsTextFiles(other, suffix)
    }

  it('may not name one directory, however it is written', () => {
    expect(refusal(both('out/x', './out/x'))).toContain("writes to './out/x' already")
    expect(refusal(both('out/x', 'out//x'))).toContain('saveAsTextFiles at options.test.ts')
  })

  it('may differ in prefix or suffix', () => {
    for (const build of [both('out/x', 'out/y'), both('out/x', 'out/x', 'txt')]) {
      expect(() => refusal(build)).toThrow('the graph was built')
    }
  })
})
