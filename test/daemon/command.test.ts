/**
 * The command itself, as processes: a supervised server that is killed, and a look at what it left.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { nodeClock } from '../../src/host/node-clock.ts'
import { contentOf, withDirectory } from '../engine/directory-fixture.ts'

const MILLRACE = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))

/** Counts the numbers 1 to 2000, a hundred a batch, by their last digit. */
const PROGRAM = `
import { defineApp, millis } from 'millrace'
export default defineApp({ name: 'digits', batchInterval: millis(50) }, (ssc) => {
  ssc.generatorStream({ uid: 'lines', linesPerSecond: 2000 })
    .map((line) => [line.length % 10, 1])
    .updateStateByKey({ uid: 'total' }, (ones, n: number | undefined) => (n ?? 0) + ones.length)
    .print(1)
})
`

interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function start(
  directory: string,
  args: readonly string[],
): { child: ChildProcess; result: Promise<Result> } {
  const child = spawn(process.execPath, [MILLRACE, ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (bytes: Buffer) => (out += bytes.toString()))
  child.stderr.on('data', (bytes: Buffer) => (err += bytes.toString()))
  const result = once(child, 'close').then(([code]: unknown[]) => ({
    code: typeof code === 'number' ? code : null,
    out,
    err,
  }))
  return { child, result }
}

const millrace = async (directory: string, ...args: readonly string[]): Promise<Result> =>
  await start(directory, args).result

/** Asks until it gets an answer that satisfies; the test's own time limit is the bound. */
async function answer<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const got = await ask().catch(() => undefined)
    if (got !== undefined && enough(got)) return got
    await nodeClock.sleep(50)
  }
}

const announced = async (directory: string): Promise<number> => {
  const owner: unknown = JSON.parse(await readFile(join(directory, 'data/owner.announce'), 'utf8'))
  return Number(Reflect.get(Object(owner), 'pid'))
}

/** The address in the last `started` line. */
async function adminUrl(log: () => string): Promise<string> {
  return await answer(
    () => Promise.resolve(/"adminUrl":"([^"]+)"(?![\s\S]*"adminUrl")/.exec(log())?.[1] ?? ''),
    (url) => url !== '',
  )
}

async function completed(url: string): Promise<number> {
  const reply = await fetch(`${url}/api/v1/applications/digits/streaming/statistics`)
  const body: unknown = await reply.json()
  return Number(Reflect.get(Object(body), 'numTotalCompletedBatches'))
}

async function flip(path: string, offset: number): Promise<void> {
  const file = await open(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0xff]), 0, 1, offset)
  await file.close()
}

describe('a supervised server', () => {
  it('is taken over by the one that was held ready, which ends with it', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'app.ts'), PROGRAM)
      const flags = ['--data-dir', 'data', '--admin-port', '0', '--executors', '2']
      const { child, result } = start(directory, ['run', 'app.ts', '--supervise', ...flags])
      let log = ''
      child.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()))
      const progress = async (): Promise<number> => {
        return await answer(
          async () => await completed(await adminUrl(() => log)),
          (n) => n >= 2,
        )
      }
      try {
        await progress()
        // Told of commits every 200 ms, the supervisor waits a second more.
        await nodeClock.sleep(2000)
        const daemon = await announced(directory)
        process.kill(daemon, 'SIGKILL')
        await answer(
          () => announced(directory),
          (pid) => pid !== daemon,
        )
        expect(log).toContain('held ready takes over')
        await answer(
          () => Promise.resolve(log.split('"adminUrl"').length),
          (n) => n === 5,
        )
        await progress()
      } finally {
        child.kill('SIGTERM')
      }
      expect(await result).toMatchObject({ code: 0 })
      expect(await millrace(directory, 'verify', 'data')).toMatchObject({ code: 0 })
    })
  }, 60_000)

  it('goes on after a kill -9, stops when told, and leaves a directory that verifies', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'app.ts'), PROGRAM)
      const flags = ['--data-dir', 'data', '--admin-port', '0', '--executors', '1']
      const { child, result } = start(directory, ['run', 'app.ts', '--supervise', ...flags])
      let log = ''
      child.stderr?.on('data', (bytes: Buffer) => (log += bytes.toString()))
      try {
        const first = await adminUrl(() => log)
        await answer(
          () => completed(first),
          (n) => n >= 2,
        )
        const daemon = await announced(directory)
        expect(daemon).not.toBe(child.pid)

        const beside = await millrace(directory, 'verify', 'data')
        expect(beside.code).toBe(69)
        expect(beside.err).toContain(`process ${String(daemon)}`)

        process.kill(daemon, 'SIGKILL')
        await answer(
          () => announced(directory),
          (pid) => pid !== daemon,
        )
        const second = await answer(
          () => adminUrl(() => log),
          (url) => url !== first,
        )
        await answer(
          () => completed(second),
          (n) => n >= 1,
        )
        child.kill('SIGTERM')
        const { code, out, err } = await result
        expect(code).toBe(0)
        expect(out).toContain('Time: ')
        expect(err).toContain('the daemon was ended by SIGKILL')
      } finally {
        child.kill('SIGKILL')
      }
      await inspectWhatIsLeft(directory)
    })
  }, 120_000)
})

async function inspectWhatIsLeft(directory: string): Promise<void> {
  const whole = await millrace(directory, 'verify', 'data', '--json')
  expect(JSON.parse(whole.out)).toMatchObject({ ok: true, problems: [] })
  expect(whole.code).toBe(0)
  const inspected = await millrace(directory, 'inspect', 'data')
  expect(inspected.out).toMatch(/state +total: \d+ keys/)
  const planned = await millrace(directory, 'plan', 'app.ts', '--data-dir', 'data')
  expect(planned.out).toContain("= state 'total' goes on")
  expect(planned.code).toBe(0)
  await writeFile(join(directory, 'app.ts'), PROGRAM.replace("'total'", "'sum'"))
  const changed = await millrace(directory, 'plan', 'app.ts', '--data-dir', 'data')
  expect(changed.out).toContain('--drop-state total')
  expect(changed.code).toBe(65)

  const [segment = ''] = await readdir(join(directory, 'data/log'))
  await flip(join(directory, 'data/log', segment), 4096 + 60)
  const before = await contentOf(join(directory, 'data/log'))
  const damaged = await millrace(directory, 'verify', 'data')
  expect(damaged.code).toBe(71)
  expect(damaged.out).toContain(segment)
  expect(damaged.out).toMatch(/at byte 4\d\d\d/)
  expect(await contentOf(join(directory, 'data/log'))).toEqual(before)
}

describe('a refusal', () => {
  it.each([
    [['run', 'none.ts'], 65, 'MR_PROGRAM_INVALID'],
    [['run', 'bad.ts'], 65, 'bad.ts:1:11'],
    [['run', 'bad.ts', '--executors', 'x'], 64, 'MR_CONFIG_INVALID'],
    [['run', 'bad.ts', '--exectors', '1'], 64, 'Did you mean --executors'],
    [['runn'], 64, 'MR_CONFIG_INVALID'],
    [['verify', 'nowhere'], 64, 'nothing is there'],
    [['inspect', '.'], 71, 'MR_DIRECTORY_FOREIGN'],
  ])('of %j is one message and exit code %i', async (args, code, words) => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'bad.ts'), 'const x = = 1')
      const result = await millrace(directory, ...args)
      expect(result).toMatchObject({ code, out: '' })
      expect(result.err).toContain(words)
      expect(result.err).not.toMatch(/\n +at /)
      expect(await readdir(directory)).toEqual(['bad.ts'])
    })
  })

  it('of a program that throws while it is built names its place, and stores nothing', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'app.ts'), "\nthrow new Error('boom')")
      const args = ['run', 'app.ts', '--admin-port', '0', '--executors', '1']
      const { code, err } = await millrace(directory, ...args)
      expect(code).toBe(65)
      expect(err).toMatch(/MR_PROGRAM_BUILD_FAILED: .*app\.ts:2:7: boom/)
    })
  })
})
