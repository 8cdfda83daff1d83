/**
 * Text files, exactly once: on the real disk and in memory, and whatever effect a crash follows.
 */
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { PartitionedRows, StagedPart } from '../../src/dstream/batch.ts'
import type { Json, OutputShape } from '../../src/dstream/shape.ts'
import type { FileSystem } from '../../src/host/host.ts'
import {
  publishTextFiles,
  removeStale,
  type StagedTextFiles,
  stageTextFiles,
  stagingOf,
} from '../../src/sinks/text-files.ts'
import { Crash, type Disk, DISKS, type Fate, memoryDisk, placeOf, treeOf, watched } from './disk.ts'

const TIME = 1000
const open: Disk[] = []

afterEach(async () => {
  for (const disk of open.splice(0)) await disk.close()
})

async function on(make: () => Promise<Disk>): Promise<Disk> {
  const disk = await make()
  open.push(disk)
  return disk
}

const outputOf = (
  parameters: Readonly<Record<string, Json>> = { prefix: 'out/counts' },
): OutputShape => ({
  outputId: 3,
  uid: 'counts',
  kind: 'textFiles',
  parameters,
  node: 0,
  place: { operator: 'saveAsTextFiles' },
})

type Rows = readonly (readonly unknown[])[]

/** What the process of `rank` among `size` has of these partitions. */
function shareOf(partitions: Rows, rank = 0, size = 1): PartitionedRows {
  return {
    partitions: partitions.length,
    own: partitions.map((_, p) => p).filter((p) => p % size === rank),
    rows: (p) => Promise.resolve(partitions[p] ?? []),
  }
}

interface Stage {
  readonly fs: FileSystem
  readonly directory: string
  readonly rows: Rows
  readonly attempt?: number
  readonly output?: OutputShape
  readonly processes?: number
}

/** All processes stage; what a commit would hold. */
async function stage(o: Stage): Promise<StagedTextFiles> {
  const { attempt = 1, output = outputOf(), processes = 1 } = o
  const run = stageTextFiles(o.fs, placeOf(o))
  const parts: StagedPart[] = []
  for (let rank = 0; rank < processes; rank++) {
    parts.push(...(await run(output, shareOf(o.rows, rank, processes), { time: TIME, attempt })))
  }
  parts.sort((a, b) => a.partition - b.partition)
  return { ...output, time: TIME, attempt, parts }
}

const ROWS: Rows = [
  [
    ['hello', 1],
    ['world', 2],
  ],
  [],
  ['text', null, 3n, { a: 1 }],
]
const PUBLISHED = {
  'out/counts-1000/_SUCCESS': '',
  'out/counts-1000/part-00000': '(hello,1)\n(world,2)\n',
  'out/counts-1000/part-00002': 'text\nnull\n3\n{"a":1}\n',
}

describe.each(DISKS)('text files on %s', (_name, make) => {
  it('appear as one directory with one file for each partition that has rows', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    expect(staged.parts.map((part) => part.partition)).toEqual([0, 2])
    expect(Object.keys(await treeOf(disk))).toEqual([
      'out/.counts-1000.staged-0a-3-1/part-00000',
      'out/.counts-1000.staged-0a-3-1/part-00002',
    ])
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('are the same when several processes stage their partitions', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS, processes: 3 })
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('can be published again, and nothing changes', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    for (let i = 0; i < 3; i++) await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('of a batch without rows are a directory with its mark', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: [[], []] })
    expect(staged.parts).toEqual([])
    for (let i = 0; i < 2; i++) await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual({ 'out/counts-1000/_SUCCESS': '' })
  })

  it('are named by prefix, time, suffix and directory', async () => {
    const disk = await on(make)
    const names: [Record<string, Json>, string][] = [
      [{ prefix: 'a', suffix: 'txt' }, 'a-1000.txt'],
      [{ prefix: '', suffix: 'txt' }, '1000.txt'],
      [{ prefix: 'b', directory: 'deep/er' }, 'deep/er/b-1000'],
      [{ prefix: join(disk.directory, 'c') }, 'c-1000'],
      [{}, '1000'],
    ]
    for (const [parameters, name] of names) {
      const staged = await stage({ ...disk, rows: [['x']], output: outputOf(parameters) })
      await publishTextFiles(disk.fs, staged, placeOf(disk))
      expect(await treeOf(disk)).toHaveProperty([`${name}/part-00000`], 'x\n')
    }
    expect(Object.keys(await treeOf(disk))).toHaveLength(2 * names.length)
  })

  it('hold many rows, whatever they are', async () => {
    const disk = await on(make)
    const rows = Array.from({ length: 60_000 }, (_, i) => `line ${String(i)} ✓`)
    const staged = await stage({ ...disk, rows: [rows] })
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    const tree = await treeOf(disk)
    expect(tree['out/counts-1000/part-00000']).toBe(rows.map((row) => `${row}\n`).join(''))
  })

  it('are published where they were staged, though the daemon was started elsewhere', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    await publishTextFiles(
      disk.fs,
      staged,
      placeOf({ directory: join(disk.directory, 'elsewhere') }),
    )
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('never overwrite: a target that is there fails the attempt at once', async () => {
    const disk = await on(make)
    await disk.fs.makeDirectory(join(disk.directory, 'out/counts-1000'))
    await expect(stage({ ...disk, rows: ROWS })).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
      message: expect.stringContaining('out/counts-1000 exists') as string,
    })
    expect(await treeOf(disk)).toEqual({ 'out/counts-1000/': '' })
  })

  it('never overwrite: a target that came later fails the publication', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    await disk.fs.makeDirectory(join(disk.directory, 'out/counts-1000'))
    const before = await treeOf(disk)
    await expect(publishTextFiles(disk.fs, staged, placeOf(disk))).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
      message: expect.stringContaining('out/counts-1000 exists') as string,
    })
    expect(await treeOf(disk)).toEqual(before)
    await disk.fs.remove(join(disk.directory, 'out/counts-1000'))
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('never take what another output published for their own, though it is the same', async () => {
    const disk = await on(make)
    const one = await stage({ ...disk, rows: ROWS })
    const two = await stage({ ...disk, rows: ROWS, output: { ...outputOf(), outputId: 4 } })
    await publishTextFiles(disk.fs, one, placeOf(disk))
    await expect(publishTextFiles(disk.fs, two, placeOf(disk))).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
    })
    expect(await treeOf(disk)).toMatchObject(PUBLISHED)
  })

  it('that are in the place of ours, but are others, fail the publication', async () => {
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    const path = join(disk.directory, 'out/counts-1000/part-00000')
    await disk.fs.writeFileDurably(path, Buffer.from('(hello,1)\n(world,3)\n'))
    await expect(publishTextFiles(disk.fs, staged, placeOf(disk))).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
      message: expect.stringContaining('part-00000 has other content') as string,
    })
    await disk.fs.unlink(path)
    await expect(publishTextFiles(disk.fs, staged, placeOf(disk))).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
    })
  })

  it('that were lost, cut or changed after the commit are named, and never published', async () => {
    const damages: [string, (fs: FileSystem, path: string) => Promise<void>][] = [
      [
        'is gone',
        async (fs, path) => {
          await fs.unlink(path)
        },
      ],
      [
        'has 19 bytes, not the 20',
        async (fs, path) => {
          await fs.writeFileDurably(path, new Uint8Array(19))
        },
      ],
      [
        'has other content',
        async (fs, path) => {
          await fs.writeFileDurably(path, new Uint8Array(20))
        },
      ],
    ]
    for (const [message, damage] of damages) {
      const disk = await on(make)
      const staged = await stage({ ...disk, rows: ROWS })
      await damage(disk.fs, join(stagingOf(staged, placeOf(disk)), 'part-00000'))
      await expect(publishTextFiles(disk.fs, staged, placeOf(disk))).rejects.toMatchObject({
        code: 'MR_STAGED_OUTPUT_LOST',
        message: expect.stringContaining(`part-00000 ${message}`) as string,
      })
      expect(await disk.fs.stat(join(disk.directory, 'out/counts-1000'))).toBeUndefined()
    }
    const disk = await on(make)
    const staged = await stage({ ...disk, rows: ROWS })
    await disk.fs.remove(stagingOf(staged, placeOf(disk)))
    await expect(publishTextFiles(disk.fs, staged, placeOf(disk))).rejects.toMatchObject({
      code: 'MR_STAGED_OUTPUT_LOST',
    })
  })

  it('of an attempt with the number of an earlier one hold nothing of that', async () => {
    const disk = await on(make)
    await stage({ ...disk, rows: [['old 0'], ['old 1'], ['old 2'], ['old 3']] })
    const staged = await stage({ ...disk, rows: ROWS })
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    expect(await treeOf(disk)).toEqual(PUBLISHED)
  })

  it('of attempts that were never committed are removed, those of a commit kept', async () => {
    const disk = await on(make)
    const other = outputOf({ prefix: 'out/counts', suffix: 'txt' })
    await stage({ ...disk, rows: ROWS, attempt: 1 })
    const staged = await stage({ ...disk, rows: ROWS, attempt: 2 })
    await stage({ ...disk, rows: ROWS, output: other })
    const others = ['.counts-1000.staged-0a-4-1', '.counts-1000.staged-0b-3-1', 'counts-7']
    const strangers = others.map((name) => `out/${name}`)
    for (const name of strangers) await disk.fs.makeDirectory(join(disk.directory, name))
    const keep = new Set([stagingOf(staged, placeOf(disk))])
    const removed = await removeStale(disk.fs, [outputOf(), other], placeOf(disk), keep)
    expect(removed.map((path) => path.slice(disk.directory.length + 1))).toEqual([
      'out/.counts-1000.staged-0a-3-1',
      'out/.counts-1000.txt.staged-0a-3-1',
    ])
    await publishTextFiles(disk.fs, staged, placeOf(disk))
    const left = Object.fromEntries(strangers.map((name) => [`${name}/`, '']))
    expect(await treeOf(disk)).toEqual({ ...PUBLISHED, ...left })
    expect(
      await removeStale(disk.fs, [outputOf({ prefix: 'none/x' })], placeOf(disk), keep),
    ).toEqual([])
  })
})

describe('durability of text files', () => {
  it('every file and directory is synced before the commit, and again by publication', async () => {
    const disk = await on(memoryDisk)
    const { fs, effects } = watched(disk)
    const staged = await stage({ fs, directory: disk.directory, rows: [['a'], [], ['b']] })
    const staging = 'out/.counts-1000.staged-0a-3-1'
    expect(effects).toEqual([
      `make ${staging}`,
      'sync out',
      'sync .',
      `create ${staging}/part-00000`,
      `write 2 ${staging}/part-00000`,
      `sync ${staging}/part-00000`,
      `create ${staging}/part-00002`,
      `write 2 ${staging}/part-00002`,
      `sync ${staging}/part-00002`,
      `sync ${staging}`,
    ])
    const before = effects.length
    await publishTextFiles(fs, staged, placeOf(disk))
    expect(effects.slice(before)).toEqual([
      `create ${staging}/_SUCCESS`,
      `sync ${staging}/_SUCCESS`,
      `sync ${staging}`,
      `rename ${staging} to out/counts-1000`,
      'sync out',
    ])
  })

  it('errors of the disk are MR_OUTPUT_FAILED with their cause', async () => {
    const disk = await on(memoryDisk)
    const { fs } = watched(disk, { at: 4 })
    const failed = stage({ fs, directory: disk.directory, rows: ROWS })
    await expect(failed).rejects.toMatchObject({
      code: 'MR_OUTPUT_FAILED',
      cause: expect.any(Crash) as Crash,
    })
  })
})

/**
 * One life: stage unless committed, commit, publish. Returns the commit, and whether publication
 * was receipted.
 */
async function life(
  disk: Disk,
  fate: Fate,
  committed: StagedTextFiles | undefined,
  rows: Rows,
): Promise<{ committed: StagedTextFiles | undefined; done: boolean; effects: number }> {
  const { fs, effects } = watched(disk, fate)
  let commit = committed
  try {
    const keep = new Set(commit === undefined ? [] : [stagingOf(commit, placeOf(disk))])
    await removeStale(fs, [outputOf()], placeOf(disk), keep)
    commit ??= await stage({ fs, directory: disk.directory, rows, processes: 3 })
    await publishTextFiles(fs, commit, placeOf(disk))
    return { committed: commit, done: true, effects: effects.length }
  } catch (error) {
    expect(error instanceof Crash || (error instanceof Error && error.cause instanceof Crash)).toBe(
      true,
    )
    return { committed: commit, done: false, effects: effects.length }
  }
}

/**
 * Dies at `first`, then at `second` of the life after, then lives; the rows of an uncommitted
 * attempt differ each time.
 */
async function livesWith(disk: Disk, first: Fate, second: Fate): Promise<void> {
  const other: Rows = [['never seen'], ['never seen'], ['never seen']]
  const one = await life(disk, first, undefined, ROWS)
  const two = one.done ? one : await life(disk, second, one.committed, other)
  const three = two.done ? two : await life(disk, {}, two.committed, ROWS)
  expect(three.done).toBe(true)
  const neverSeen = one.committed === undefined && two.committed !== undefined
  const tree = await treeOf(disk)
  if (neverSeen) expect(Object.values(tree).join('')).toBe('never seen\n'.repeat(3))
  else expect(tree).toEqual(PUBLISHED)
}

describe('a crash at any effect', () => {
  const fates = async (make: () => Promise<Disk>, rows: Rows): Promise<Fate[]> => {
    const { effects } = await life(await on(make), {}, undefined, rows)
    expect(effects).toBeGreaterThan(15)
    return Array.from({ length: effects }, (_, at) => [
      { at, after: false },
      { at, after: true },
    ]).flat()
  }

  it('leaves each row published exactly once, on the real disk', async () => {
    const [, make] = DISKS[0]
    for (const fate of await fates(make, ROWS)) await livesWith(await on(make), fate, {})
  })

  it('and a second one at any effect of the recovery as well, in memory', async () => {
    for (const first of await fates(memoryDisk, ROWS)) {
      for (const second of await fates(memoryDisk, ROWS)) {
        await livesWith(await on(memoryDisk), first, second)
      }
    }
  })

  it('leaves one directory with its mark for a batch without rows', async () => {
    for (let at = 0; at < 12; at++) {
      for (const after of [false, true]) {
        const disk = await on(memoryDisk)
        const one = await life(disk, { at, after }, undefined, [[], []])
        if (!one.done) expect((await life(disk, {}, one.committed, [[], []])).done).toBe(true)
        expect(await treeOf(disk)).toEqual({ 'out/counts-1000/_SUCCESS': '' })
      }
    }
  })
})
