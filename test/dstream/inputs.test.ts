/** Inputs: how what was allocated to a batch becomes its dataset. */
import { describe, expect, it } from 'vitest'
import type { Chunk } from '../../src/dataset/chunk.ts'
import { buildGraph } from '../../src/dstream/app.ts'
import type { InputData } from '../../src/dstream/batch.ts'
import type { Receiver } from '../../src/dstream/custom-receiver.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { textChunk } from '../dataset/support.ts'
import { program, rowsEverywhere, Runner } from './harness.ts'

const blocks = (...partitions: readonly Chunk<unknown>[][]): InputData => ({
  kind: 'blocks',
  partitions: partitions.map((chunks) => () => chunks),
})

describe('a receiver stream', () => {
  const data = blocks(
    [textChunk('to be\n'), textChunk('or not\n')],
    [{ kind: 'values', rows: ['to be'] }],
  )

  it('has the lines of its blocks, in order', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.socketTextStream('h', 1).toRows('out')
    }
    expect(await rowsEverywhere(build, 1, { inputs: () => data })).toEqual([
      ['to be', 'or not', 'to be'],
    ])
  })

  it('has an empty dataset where no block was allocated', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.httpStream({ port: 1 }).count().toRows('out')
    }
    expect(await rowsEverywhere(build, 1, { inputs: () => blocks() })).toEqual([[0]])
  })

  it('names the maker of a custom one by its uid', () => {
    const make = (): Receiver<number> => ({ onStart: () => undefined })
    const graph = buildGraph(
      program((ssc) => {
        ssc.receiverStream({ uid: 'mine' }, make).print()
        ssc.receiverStream({}, make).print()
      }),
    )
    expect([...graph.receivers.keys()]).toEqual(['mine', 'receiverStream-1'])
    expect(graph.receivers.get('mine')).toBe(make)
  })
})

describe('a sequence', () => {
  it('is cut at floor(i * length / partitions)', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.sequenceStream({ partitions: 3, batches: [[1, 2, 3, 4, 5]] }).toRows('out')
    }
    expect(await new Runner(program(build)).parts(1)).toEqual([[1], [2, 3], [4, 5]])
  })

  it('takes all batches of its range, and none for an empty one', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.sequenceStream({ batches: [[1], null, [2, 3]] }).toRows('out')
    }
    const range = (from: number, until: number): InputData => ({ kind: 'range', from, until })
    const rows = (data: InputData): Promise<unknown> =>
      new Runner(program(build), { inputs: () => data }).rows(1)
    expect(await rows(range(0, 3))).toEqual([1, 2, 3])
    expect(await rows(range(1, 2))).toBeUndefined()
    expect(await rows(range(2, 2))).toEqual([])
    expect(await rows(range(7, 8))).toEqual([])
  })
})

describe('a queue', () => {
  const running = (
    queue: (readonly number[])[],
    oneAtATime?: boolean,
    fallback?: readonly number[],
  ): Runner =>
    new Runner(
      program((ssc) => {
        ssc.queueStream(queue, oneAtATime, fallback).toRows('out')
      }),
    )

  it('gives one dataset a batch, or the fallback', async () => {
    const queue = [[1], [2, 3]]
    const runner = running(queue, true, [9])
    expect([await runner.rows(1), await runner.rows(2), await runner.rows(3)]).toEqual([
      [1],
      [2, 3],
      [9],
    ])
    queue.push([4])
    expect(await runner.rows(4)).toEqual([4])
  })

  it('gives all that are there when asked to', async () => {
    const runner = running([[1], [2, 3]], false)
    expect([await runner.rows(1), await runner.rows(2)]).toEqual([[1, 2, 3], []])
  })

  it('gives a batch that is tried again what it got before', async () => {
    const runner = running([[1], [2]])
    expect(await runner.rows(1)).toEqual([1])
    expect(await runner.rows(1)).toEqual([1])
    expect(await runner.rows(2)).toEqual([2])
  })

  it('lives in one process only', async () => {
    const build = (ssc: StreamingContext): void => {
      ssc.queueStream([[1]]).print()
    }
    await expect(new Runner(program(build), { size: 2 }).batch(1)).rejects.toThrow(
      /queueStream at .* a queue lives in one process/,
    )
  })
})

describe('a resource', () => {
  it('is opened once, closed when it was open, and can be opened after a failure', async () => {
    const log: string[] = []
    const graph = buildGraph(
      program((ssc) => {
        ssc.resource({
          uid: 'db',
          open: () => {
            log.push('open')
            if (log.length === 1) throw new Error('not yet')
            return 'connection'
          },
          close: (connection) => {
            log.push(`close ${connection}`)
          },
        })
        ssc.sequenceStream({ batches: [] }).print()
      }),
    )
    const db = graph.resources.get('db')
    await expect(db?.acquire()).rejects.toThrow('not yet')
    expect(await Promise.all([db?.acquire(), db?.acquire()])).toEqual(['connection', 'connection'])
    await db?.release()
    await db?.release()
    expect(log).toEqual(['open', 'open', 'close connection'])
  })
})
