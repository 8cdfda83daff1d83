/** Output operations: what they stage, where they run, and what they may bring to one process. */
import { describe, expect, it } from 'vitest'
import { isMillraceError } from '../../src/base/errors.ts'
import type { Pair } from '../../src/base/keys.ts'
import type { OutputRunner } from '../../src/dstream/batch.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program, Runner, unpack, type RunnerOptions } from './harness.ts'

const five = [1, 2, 3, 4, 5]

/** A program over one batch of five numbers. */
const numbers =
  (use: (stream: DStream<number>) => void, partitions = 2) =>
  (ssc: StreamingContext): void => {
    use(ssc.sequenceStream({ partitions, batches: [five] }))
  }

async function printed(n: number | undefined, rows: readonly unknown[]): Promise<string[]> {
  const texts: string[] = []
  for (const size of [1, 2, 3]) {
    const runner = new Runner(
      program((ssc) => {
        ssc.sequenceStream({ partitions: 3, batches: [rows] }).print(n)
      }),
      { size },
    )
    const parts = [...(await runner.batch(1)).values()].flatMap((result) => result.parts)
    texts.push(parts.map((part) => Buffer.from(part.payload).toString()).join('|'))
  }
  return texts
}

describe('print', () => {
  const rule = '-------------------------------------------'

  it('stages the first ten rows as Spark shows them, on one process', async () => {
    const rows = [['hello', 1], 'b', 3]
    const text = `${rule}\nTime: 1000 ms\n${rule}\n(hello,1)\nb\n3\n\n`
    expect(await printed(undefined, rows)).toEqual([text, text, text])
  })

  it('says that there are more', async () => {
    const text = `${rule}\nTime: 1000 ms\n${rule}\n1\n2\n...\n\n`
    expect(await printed(2, five)).toEqual([text, text, text])
  })

  it('prints the header of an empty batch', async () => {
    const text = `${rule}\nTime: 1000 ms\n${rule}\n\n`
    expect(await printed(3, [])).toEqual([text, text, text])
  })
})

describe('toRows', () => {
  it('stages each partition where it is', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.sequenceStream({ partitions: 3, batches: [five] }).toRows('out')
    }
    const parts = (await new Runner(program(build), { size: 2 }).batch(1)).get('out')?.parts ?? []
    expect(parts.map((part) => part.partition)).toEqual([0, 1, 2])
    expect(parts.map((part) => unpack(part.payload))).toEqual([[1], [2, 3], [4, 5]])
  })
})

describe('saveAsTextFiles', () => {
  const build = (ssc: StreamingContext): void => {
    ssc
      .sequenceStream({ partitions: 3, batches: [five] })
      .saveAsTextFiles('counts', 'txt', { uid: 'files' })
  }

  it('hands its own partitions to the runner of the environment', async () => {
    const seen: unknown[] = []
    const textFiles: OutputRunner = async (output, rows, batch) => {
      for (const partition of rows.own) seen.push([partition, await rows.rows(partition)])
      seen.push([output.uid, output.parameters, rows.partitions, batch.time])
      return rows.own.map((partition) => ({ partition, payload: Uint8Array.of(partition) }))
    }
    const runner = new Runner(program(build), { outputs: { textFiles } })
    const result = (await runner.batch(1)).get('files')
    expect(result?.parts.map((part) => [...part.payload])).toEqual([[0], [1], [2]])
    expect(seen).toEqual([
      [0, [1]],
      [1, [2, 3]],
      [2, [4, 5]],
      ['files', { prefix: 'counts', suffix: 'txt' }, 3, 1000],
    ])
  })

  it('is an error where the environment cannot run it', async () => {
    const error: unknown = await new Runner(program(build)).batch(1).catch((e: unknown) => e)
    expect(isMillraceError(error, 'MR_OUTPUT_FAILED')).toBe(true)
  })
})

describe('foreachRDD', () => {
  const seeing = async (
    f: (dataset: Dataset<number>) => Promise<unknown>,
    options: RunnerOptions = {},
  ): Promise<unknown[]> => {
    const answers: unknown[] = []
    for (const size of [1, 2, 3]) {
      let calls = 0
      const build = numbers((stream) => {
        stream.foreachRDD(async (dataset) => {
          calls += 1
          answers.push(await f(dataset))
        })
      }, 4)
      await new Runner(program(build), { ...options, size }).batch(1)
      expect(calls).toBe(1)
    }
    return answers
  }
  const thrice = (x: unknown): unknown[] => [x, x, x]

  it('sees all rows of all processes, runs once, and can begin actions at once', async () => {
    const got = await seeing((dataset) =>
      Promise.all([dataset.collect(), dataset.count(), dataset.take(2), dataset.isEmpty()]),
    )
    expect(got).toEqual(thrice([five, 5, [1, 2], false]))
  })

  it('can transform what it is given, with shuffles', async () => {
    const got = await seeing((dataset) =>
      dataset
        .map((x) => [x % 2, x])
        .reduceByKey((a, b) => a + b, 1)
        .sortByKey()
        .collect(),
    )
    expect(got).toEqual(
      thrice([
        [0, 6],
        [1, 9],
      ]),
    )
  })

  it('computes nothing that it does not ask for', async () => {
    let calls = 0
    for (const size of [1, 2]) {
      const build = (ssc: StreamingContext): void => {
        ssc
          .sequenceStream({ batches: [five] })
          .map((x) => {
            calls += 1
            return x
          })
          .foreachRDD(() => undefined)
      }
      await new Runner(program(build), { size }).batch(1)
    }
    expect(calls).toBe(0)
  })

  it('does not bring more to one process than the limit', async () => {
    const errors: unknown[] = []
    for (const size of [1, 2, 3]) {
      const build = (ssc: StreamingContext): void => {
        const batches = [Array.from({ length: 300 }, (_, i) => `row ${String(i)}`)]
        ssc.sequenceStream({ partitions: 3, batches }).foreachRDD(async (dataset) => {
          await dataset.collect()
        })
      }
      const runner = new Runner(program(build), { size, collectBytesMax: 1500 })
      errors.push(await runner.batch(1).catch((error: unknown) => error))
    }
    const tooLarge = errors.map((error) => isMillraceError(error, 'MR_COLLECT_TOO_LARGE'))
    expect(tooLarge).toEqual([true, true, true])
  })

  it('counts what other processes hand over against the limit, in every action', async () => {
    const batches = [Array.from({ length: 300 }, (_, i) => `row ${String(i)}`)]
    for (const size of [2, 3]) {
      const build = (ssc: StreamingContext): void => {
        ssc
          .sequenceStream({ partitions: 6, batches })
          .foreachRDD((dataset) => dataset.foreach(() => undefined))
      }
      const runner = new Runner(program(build), { size, collectBytesMax: 600 })
      await expect(runner.batch(1)).rejects.toThrow(/would bring \d+ bytes to one process/)
    }
  })

  it('blames an error on itself, with its place', async () => {
    const build = numbers((stream) => {
      stream.foreachRDD(() => {
        throw new Error('no')
      })
    })
    await expect(new Runner(program(build), { size: 2 }).batch(1)).rejects.toThrow(
      /foreachRDD at outputs\.test\.ts:\d+:\d+: no/,
    )
  })

  it('refuses its dataset after it has ended', async () => {
    let kept: Dataset<number> | undefined
    const build = numbers((stream) => {
      stream.foreachRDD((dataset) => {
        kept = dataset
      })
    })
    await new Runner(program(build), { size: 1 }).batch(1)
    await expect(kept?.collect()).rejects.toThrow(/used after the function had ended/)
  })
})

describe('foreachPartition', () => {
  it('runs where the partition is, with an address that attempts share', async () => {
    for (const size of [1, 2, 3]) {
      const seen: unknown[] = []
      let opened = 0
      const build = (ssc: StreamingContext): void => {
        const pool = ssc.resource({
          uid: 'pool',
          open: () => {
            opened += 1
            return { name: 'pool' }
          },
          close: () => undefined,
        })
        ssc
          .sequenceStream({ partitions: 3, batches: [five] })
          .foreachPartition({ uid: 'store' }, async (rows, ctx) => {
            const { name } = await ctx.use(pool)
            seen.push([ctx.partition, ctx.address, ctx.time, name, [...rows]])
          })
      }
      await new Runner(program(build), { size }).batch(1)
      const byPartition = seen.sort((a, b) => (String(a) < String(b) ? -1 : 1))
      expect(byPartition).toEqual([
        [0, 'test/store/1000/0', 1000, 'pool', [1]],
        [1, 'test/store/1000/1', 1000, 'pool', [2, 3]],
        [2, 'test/store/1000/2', 1000, 'pool', [4, 5]],
      ])
      expect(opened).toBe(size)
    }
  })
})

describe('an output', () => {
  it('of a stream without a dataset gives no result', async () => {
    const build = (ssc: StreamingContext): void => {
      const s = ssc.sequenceStream<Pair<string, number>>({ batches: [null] })
      s.print()
      s.toRows('out')
    }
    expect((await new Runner(program(build), { size: 2 }).batch(1)).size).toBe(0)
  })
})
