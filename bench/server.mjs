/**
 * One Millrace server and one load process for a measurement: started, asked over the admin API,
 * and ended whatever happens. Data lives in a temporary directory that goes with them.
 */
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childrenOf } from './proc.mjs'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))
const START_MS = 60_000
const STOP_MS = 15_000

async function freePort() {
  const server = createServer()
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** The load process. Ends with `close`. */
async function startLoad(numbered) {
  const child = fork(path('line-server.mjs'), numbered ? ['--numbered'] : [], { execArgv: [] })
  const answer = () => new Promise((resolve) => child.once('message', resolve))
  const { port } = await answer()
  return {
    port,
    pid: child.pid,
    rate: (rate) => child.send({ rate }),
    async sent() {
      child.send({ ask: true })
      return (await answer()).sent
    },
    close: () => child.kill('SIGKILL'),
  }
}

/**
 * Runs `measure` with a running server and its load, then ends both.
 *
 * Options: `app` (an export of `program.ts`), `name` of the application, `intervalMs`, `executors`
 * (2), `supervise`, `numbered`, `flags` for the command, `profiles` (a directory for CPU profiles),
 * `profileMs` (of each process's life; default: all of it).
 */
export async function withServer(options, measure) {
  const directory = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const load = await startLoad(options.numbered === true)
  let server
  try {
    server = await startServer(directory, load.port, options)
    return await measure(server, load)
  } finally {
    load.close()
    await server?.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

async function startServer(directory, loadPort, options) {
  const { app, name, intervalMs, executors = 2, supervise = false, flags = [] } = options
  const adminPort = await freePort()
  const profiling = profilingOf(options)
  const child = spawn(
    process.execPath,
    [
      ...[path('../bin/millrace.js'), 'run', path('program.ts'), '--export', app],
      ...['--data-dir', directory, '--admin-port', String(adminPort)],
      ...['--executors', String(executors), '--param', `port=${loadPort}`],
      ...['--log-level', 'warn', ...flags, ...(supervise ? ['--supervise'] : [])],
    ],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...profiling, BENCH_INTERVAL_MS: String(intervalMs) },
    },
  )
  const said = []
  child.stderr.on('data', (piece) => {
    said.push(String(piece))
    if (said.length > 50) said.shift()
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const api = apiOf(adminPort, name)
  const server = {
    ...api,
    get driver() {
      return supervise ? childrenOf(child.pid)[0] : child.pid
    },
    get executors() {
      return childrenOf(this.driver)
    },
    said: () => said.join(''),
    async stop() {
      child.kill('SIGTERM')
      await Promise.race([exited, sleep(STOP_MS, undefined, { ref: false })])
      if (child.exitCode === null) endTree(child.pid)
      await exited
    },
  }
  const started = await Promise.race([api.ready(START_MS), exited.then(() => false)])
  if (started) return server
  await server.stop()
  throw new Error(`the server did not start: ${said.join('')}`)
}

/** The environment under which every process of the server writes its profile. */
function profilingOf({ profiles, profileMs = 0 }) {
  if (profiles === undefined) return {}
  return {
    NODE_OPTIONS: `--import=${new URL('profile-start.mjs', import.meta.url).href}`,
    BENCH_PROFILES: profiles,
    BENCH_PROFILE_MS: String(profileMs),
  }
}

function endTree(pid) {
  const all = [pid]
  for (const one of all) {
    try {
      all.push(...childrenOf(one))
      process.kill(one, 'SIGKILL')
    } catch {
      // It ended by itself meanwhile.
    }
  }
}

/** What is asked of a running server. */
function apiOf(port, name) {
  const url = `http://127.0.0.1:${port}`
  const text = async (from) => await (await fetch(`${url}${from}`)).text()
  return {
    /** Waits until it runs; false after `ms`. */
    async ready(ms) {
      const until = performance.now() + ms
      while (performance.now() < until) {
        const answer = await fetch(`${url}/readyz`).catch(() => undefined)
        await answer?.arrayBuffer()
        if (answer?.status === 200) return true
        await sleep(20)
      }
      return false
    },
    /** Gauges and counters by name; those with labels are summed. */
    async metrics() {
      const values = {}
      for (const line of (await text('/metrics')).split('\n')) {
        const found = /^(millrace_\w+)(?:\{[^}]*\})? (\S+)$/.exec(line)
        if (found !== null) values[found[1]] = (values[found[1]] ?? 0) + Number(found[2])
      }
      return values
    },
    /**
     * Completed batches, oldest first: `time`, `records`, and in ms after that time `start` and
     * `end` of the work. The server keeps the last 1000.
     */
    async batches() {
      const path = `/api/v1/applications/${name}/streaming/batches?status=COMPLETED`
      const found = JSON.parse(await text(path))
      return found.reverse().map((batch) => ({
        time: batch.batchId,
        records: batch.inputSize,
        start: batch.schedulingDelay,
        end: batch.totalDelay,
        work: batch.processingTime,
      }))
    },
  }
}
