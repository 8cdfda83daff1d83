/**
 * The same directory under one executor, then three, then two, killed in between: what it holds and
 * what it put out is what an uninterrupted run holds and puts out.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nodeClock } from '../../src/host/node-clock.ts'
import { withDirectory } from '../engine/directory-fixture.ts'

const MILLRACE = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))
const BATCHES = 24

/** Keys that JavaScript and people mix up; each batch has each of them, the last number grows. */
const PROGRAM = `
import { defineApp, millis } from 'millrace'
const keys = [1, 1n, '1', true, null, 0, -0, NaN, Number.NaN,
  [1, 'a'], [1, ['a']], [-0, 'z'], [0, 'z'],
  new Uint8Array([1, 2]), new Uint8Array([1, 2]), 'é', 'e\\u0301', '']
const batches = Array.from({ length: ${String(BATCHES)} }, (_, b) =>
  keys.map((key) => [key, b] as const))
const name = (key: unknown): string =>
  typeof key === 'bigint' ? key + 'n'
  : key instanceof Uint8Array ? 'bytes ' + key.join()
  : Array.isArray(key) ? '[' + key.map(name).join() + ']'
  : typeof key === 'number' ? String(key) : JSON.stringify(key)
export default defineApp({ name: 'keys', batchInterval: millis(100) }, (ssc) => {
  const totals = ssc.sequenceStream({ uid: 'in', partitions: 5, batches })
    .map(([key, n]) => [key, n])
    .updateStateByKey({ uid: 'sums', idle: 'skip' }, (ns, before: string | undefined) =>
      (before ?? '') + '/' + ns.length + ':' + ns.join())
  totals.map(([key, sum]) => name(key) + ' ' + sum).saveAsTextFiles('out/sums')
  totals.count().map((n) => 'keys ' + n).saveAsTextFiles('out/count')
})
`

/** What each batch put out, in the order of the batches; empty batches left out. */
async function outputs(directory: string, prefix: string): Promise<string[][]> {
  const names = (await readdir(join(directory, 'out')).catch(() => []))
    .filter((name) => name.startsWith(`${prefix}-`))
    .sort((a, b) => Number(a.split('-')[1]) - Number(b.split('-')[1]))
  const batches: string[][] = []
  for (const name of names) {
    const lines: string[] = []
    for (const part of (await readdir(join(directory, 'out', name))).sort()) {
      const text = await readFile(join(directory, 'out', name, part), 'utf8')
      lines.push(...text.split('\n').filter((line) => line !== ''))
    }
    if (lines.length > 0) batches.push(lines)
  }
  return batches
}

/** Runs the program until `sums` has so many batches, then kills it. */
async function runUntil(directory: string, executors: number, batches: number): Promise<void> {
  const flags = ['--data-dir', 'data', '--admin-port', '0', '--executors', String(executors)]
  const child: ChildProcess = spawn(process.execPath, [MILLRACE, 'run', 'app.ts', ...flags], {
    cwd: directory,
    stdio: 'ignore',
  })
  const ended = once(child, 'exit')
  try {
    while ((await outputs(directory, 'sums')).length < batches) {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${String(child.exitCode)}`)
      await nodeClock.sleep(20)
    }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

async function run(root: string, name: string, legs: readonly [number, number][]): Promise<string> {
  const directory = join(root, name)
  await mkdir(directory)
  await writeFile(join(directory, 'app.ts'), PROGRAM)
  for (const [executors, batches] of legs) await runUntil(directory, executors, batches)
  return directory
}

const first = <T>(of: readonly T[]): readonly T[] => of.slice(0, BATCHES)

describe('the number of executors', () => {
  it('changes neither state nor files, whatever is killed in between', async () => {
    await withDirectory(async (root) => {
      const changed = await run(root, 'changed', [
        [1, 6],
        [3, 14],
        [2, BATCHES],
      ])
      const steady = await run(root, 'steady', [[2, BATCHES]])
      const sums = await outputs(changed, 'sums')
      expect(first(sums)).toEqual(first(await outputs(steady, 'sums')))
      const counts = (await outputs(changed, 'count')).filter(([line]) => line !== 'keys 0')
      expect(first(counts)).toEqual(Array.from({ length: BATCHES }, () => ['keys 14']))
      expect(sums[1]?.sort()).toEqual(
        [
          '"" /1:0/1:1',
          '"1" /1:0/1:1',
          '"e\u0301" /1:0/1:1',
          '"\u00e9" /1:0/1:1',
          '0 /2:0,0/2:1,1',
          '1 /1:0/1:1',
          '1n /1:0/1:1',
          'NaN /2:0,0/2:1,1',
          '[0,"z"] /2:0,0/2:1,1',
          '[1,"a"] /1:0/1:1',
          '[1,["a"]] /1:0/1:1',
          'bytes 1,2 /2:0,0/2:1,1',
          'null /1:0/1:1',
          'true /1:0/1:1',
        ].sort(),
      )
    })
  }, 120_000)
})
