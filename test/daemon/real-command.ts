/** The command as a process, and what a running one can be asked. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { nodeClock } from '../../src/host/node-clock.ts'

const MILLRACE = fileURLToPath(new URL('../../bin/millrace.js', import.meta.url))

export interface Result {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface Running {
  readonly child: ChildProcess
  readonly result: Promise<Result>
  readonly log: () => string
}

export function start(directory: string, args: readonly string[]): Running {
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
  return { child, result, log: () => err }
}

export const millrace = async (directory: string, ...args: readonly string[]): Promise<Result> =>
  await start(directory, args).result

/** Asks until it gets an answer that satisfies; the test's own time limit is the bound. */
export async function answer<T>(ask: () => Promise<T>, enough: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const got = await ask().catch(() => undefined)
    if (got !== undefined && enough(got)) return got
    await nodeClock.sleep(25)
  }
}

/** The admin address of a server that is ready. */
export async function ready(running: Running): Promise<string> {
  const find = (): Promise<string> =>
    Promise.resolve(/"adminUrl":"([^"]+)"/.exec(running.log())?.[1] ?? '')
  const ended = running.result.then(({ code, err }) => {
    throw new Error(`it ended with ${String(code)}: ${err}`)
  })
  const url = await Promise.race([answer(find, (found) => found !== ''), ended])
  ended.catch(() => 'told by whoever stops it')
  await answer(
    async () => (await fetch(`${url}/readyz`)).status,
    (status) => status === 200,
  )
  return url
}

export async function stop(running: Running): Promise<Result> {
  running.child.kill('SIGTERM')
  return await running.result
}
