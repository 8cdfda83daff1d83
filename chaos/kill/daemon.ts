/** The supervised daemon as processes of their own, and their end whatever happens. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { EXECUTORS, SETTINGS_VARIABLE } from './settings.ts'

const ENTRY = fileURLToPath(new URL('./entry.js', import.meta.url))
/** Of the compiled file `dist/chaos/kill/daemon.js`. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface DaemonOptions {
  readonly settingsFile: string
  readonly dataDir: string
  /** Where its outputs go: the working directory. */
  readonly outDir: string
  readonly logFile: string
  readonly port: number
  readonly adminPort: number
}

export interface Daemon {
  readonly pid: number
  /** The exit code of the supervisor, or its signal. */
  readonly exited: Promise<number | string>
  stop(): void
}

/** Starts the supervisor, which starts and restarts the rest. */
export function startDaemon(options: DaemonOptions): Daemon {
  const log = openSync(options.logFile, 'a')
  const child = spawn(process.execPath, ['--enable-source-maps', ENTRY, ...argumentsOf(options)], {
    cwd: options.outDir,
    stdio: ['ignore', log, log],
    env: { ...process.env, [SETTINGS_VARIABLE]: options.settingsFile },
  })
  closeSync(log)
  return {
    pid: child.pid ?? -1,
    exited: exitOf(child),
    stop: () => {
      child.kill('SIGTERM')
    },
  }
}

function argumentsOf({ dataDir, port, adminPort }: DaemonOptions): readonly string[] {
  const flags = {
    'data-dir': dataDir,
    'admin-port': String(adminPort),
    executors: String(EXECUTORS),
    partitions: '4',
    'segment-bytes': '1MiB',
    'log-quota-bytes': '64MiB',
    'retry-backoff-ms': '20ms',
    'supervise-max-restarts': '1000',
    'supervise-backoff-min-ms': '1ms',
    'supervise-backoff-max-ms': '20ms',
    'log-level': 'info',
    param: `port=${String(port)}`,
  }
  const flat = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  return ['run', `${ROOT}chaos/kill/program.ts`, '--supervise', ...flat]
}

/** `millrace verify` of the closed directory: its exit code and what it says. */
export async function verify(dataDir: string): Promise<{ code: number | string; text: string }> {
  const child = spawn(process.execPath, [`${ROOT}bin/millrace.js`, 'verify', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => (text += piece))
  }
  return { code: await exitOf(child), text }
}

const exitOf = (child: ChildProcess): Promise<number | string> =>
  new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      resolve(code ?? signal ?? 'gone')
    })
  })

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // Whoever is gone needs no kill.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/**
 * Kills what is left of the run; a number that was given to another program since is left alone.
 */
export function killOurs(pids: Iterable<number>): void {
  for (const pid of pids) if (isOurs(pid)) kill(pid)
}

/**
 * Where `/proc` tells it: a process of Node. Elsewhere children end by themselves with their
 * parent.
 */
function isOurs(pid: number): boolean {
  const path = `/proc/${String(pid)}/cmdline`
  if (!existsSync(path)) return false
  try {
    const words = readFileSync(path, 'utf8')
    return words.includes(ENTRY) || words.includes('millrace executor')
  } catch {
    // It ended between the two lines.
    return false
  }
}

const PORT_FROM = 20_000
const PORTS = 10_000
const PORT_TRIES = 100

/**
 * A free port below those the system gives out by itself, so that it is still free for the next
 * life.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORT_TRIES; tries++) {
    const port = PORT_FROM + Math.floor(Math.random() * PORTS)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port in ${String(PORT_TRIES)} tries`)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.on('error', () => {
      resolve(false)
    })
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true)
      })
    })
  })
