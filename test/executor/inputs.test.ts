/**
 * Blocks out of a real log: read by position in every process, cut the same way everywhere, checked
 * where they are read.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RecordRef } from '../../wal/record.ts'
import { openBlockStore } from '../../src/blocks/block-store.ts'
import { cutBlocks, partitionsOf } from '../../src/executor/inputs.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { type Kind, rowsOf, teamOf, temporaryFolder, TestCheckpoint } from './support.ts'

const WORDS = `
  import { defineApp, seconds } from 'millrace'
  export default defineApp({ name: 'words', batchInterval: seconds(1) }, (ssc) => {
    ssc.socketTextStream('127.0.0.1', 9).flatMap((line) => line.split(' ')).map((word) => [word, 1])
      .reduceByKey((a, b) => a + b).toRows('counts')
  })`
const ORDER = `
  import { defineApp, seconds } from 'millrace'
  export default defineApp({ name: 'order', batchInterval: seconds(1) }, (ssc) => {
    const nowhere = () => { throw new Error('not here') }
    ssc.receiverStream({ uid: 'in' }, nowhere).glom().toRows('partitions')
  })`

interface Stored {
  readonly directory: string
  readonly refs: readonly RecordRef[]
}

async function stored(
  blocks: readonly { format: 'text' | 'values'; records: number; bytes: Uint8Array }[],
): Promise<Stored> {
  const directory = join(await temporaryFolder(), 'log')
  const options = { directory, identity: new Uint8Array(16), segmentBytes: 1024 * 1024 }
  const { store } = await openBlockStore(nodeHost, options)
  const refs: RecordRef[] = []
  for (const block of blocks) {
    const added = await store.addBlock({ streamId: 0, ...block, parts: [block.bytes] })
    if (added.kind === 'stored') refs.push(added.ref)
  }
  await store.log.close()
  return { directory, refs }
}

const text = (lines: readonly string[]) =>
  ({
    format: 'text',
    records: lines.length,
    bytes: new Uint8Array(Buffer.from(lines.map((line) => `${line}\n`).join(''))),
  }) as const
const values = (rows: readonly unknown[]) =>
  ({ format: 'values', records: rows.length, bytes: new Uint8Array(serialize(rows)) }) as const

async function run(source: string, { directory, refs }: Stored, kind: Kind, size: number) {
  const { team } = await teamOf(source, { kind, size, logDirectory: directory })
  await team.build()
  const checkpoint = new TestCheckpoint()
  await team.load(checkpoint.source)
  return await checkpoint.attempt(team, 1, [{ streamId: 0, kind: 'blocks', refs }])
}

const TEAMS: readonly (readonly [Kind, number])[] = [
  ['inline', 1],
  ['inline', 2],
  ['processes', 3],
]

describe.each(TEAMS)('blocks of text, with a team %s of %i', (kind, size) => {
  it('are counted, every line once', async () => {
    const log = await stored([text(['a b a', 'ä']), text(['b']), text([]), text(['', 'a c'])])
    const outcome = await run(WORDS, log, kind, size)
    expect(rowsOf(outcome)).toEqual(['["",1]', '["a",3]', '["b",2]', '["c",1]', '["ä",1]'])
    expect(outcome).toMatchObject({ kind: 'done', records: 5 })
  })

  it('may be none', async () => {
    const log = await stored([text(['unread'])])
    expect(rowsOf(await run(WORDS, { ...log, refs: [] }, kind, size))).toEqual([])
  })
})

describe('blocks of values', () => {
  it('are cut into the same partitions whatever the number of executors', async () => {
    const blocks = Array.from({ length: 9 }, (_, n) =>
      values([{ n }, new Map([['x'.repeat(n * 9), n]])]),
    )
    const log = await stored(blocks)
    const outcomes = [
      await run(ORDER, log, 'inline', 1),
      await run(ORDER, log, 'inline', 3),
      await run(ORDER, log, 'processes', 2),
    ]
    const cuts = outcomes.map((one) =>
      one.kind === 'done'
        ? one.outputs[0]?.parts.map((part) => Buffer.from(part.payload).toString('hex'))
        : [],
    )
    expect(cuts[0]?.length).toBeGreaterThan(1)
    expect(cuts[1]).toEqual(cuts[0])
    expect(cuts[2]).toEqual(cuts[0])
    expect(outcomes.map((one) => one.kind === 'done' && one.records)).toEqual([18, 18, 18])
  })
})

describe('a damaged block', () => {
  it('fails the attempt with file and offset, and is never counted', async () => {
    const log = await stored([text(['a b']), text(['DAMAGED'])])
    const names = await readdir(log.directory)
    const file = join(log.directory, names.filter((name) => name.endsWith('.wal')).sort()[0] ?? '')
    const bytes = await readFile(file)
    const at = bytes.indexOf('DAMAGED')
    expect(at).toBeGreaterThan(0)
    bytes.write('damaged', at)
    await writeFile(file, bytes)
    const outcome = await run(WORDS, log, 'processes', 2)
    expect(outcome).toMatchObject({ kind: 'failed', code: 'MR_LOG_DAMAGED' })
    expect(outcome.kind === 'failed' && outcome.message).toContain('.wal')
  })
})

describe('the number of partitions', () => {
  const blocks = (count: number, length: number) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ position: n * length, segment: 1, offset: n * length, length, epoch: 1 },
    }))

  it('grows with the bytes, from a few up to the limit', () => {
    expect(partitionsOf(blocks(10, 10), 16)).toBe(4)
    expect(partitionsOf(blocks(10, 209_716), 16)).toBe(9)
    expect(partitionsOf(blocks(100, 1 << 20), 16)).toBe(16)
    expect(partitionsOf(blocks(10, 10), 2)).toBe(2)
  })
})

describe('the cut of blocks into partitions', () => {
  const refs = fc
    .array(fc.integer({ min: 1, max: 1000 }), { maxLength: 40 })
    .map((lengths) =>
      lengths.map((length, position) => ({ position, segment: 0, offset: 0, length, epoch: 1 })),
    )

  it('keeps all blocks in order, in at most so many runs, none of them empty', () => {
    fc.assert(
      fc.property(refs, fc.integer({ min: 1, max: 20 }), (blocks, partitions) => {
        const runs = cutBlocks(blocks, partitions)
        expect(runs.flat()).toEqual(blocks)
        expect(runs.length).toBeLessThanOrEqual(partitions)
        expect(runs.every((run) => run.length > 0)).toBe(true)
      }),
    )
  })

  it('makes no run longer than its share and the blocks at its two ends', () => {
    fc.assert(
      fc.property(refs, fc.integer({ min: 1, max: 20 }), (blocks, partitions) => {
        const total = blocks.reduce((sum, block) => sum + block.length, 0)
        const longest = Math.max(0, ...blocks.map((block) => block.length))
        for (const run of cutBlocks(blocks, partitions)) {
          const bytes = run.reduce((sum, block) => sum + block.length, 0)
          expect(bytes).toBeLessThanOrEqual(total / partitions + longest)
        }
      }),
    )
  })
})
