/** The supervised daemon of the small disk, as a group of processes that ends as one. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of the compiled file `dist/chaos/space/daemon.js`. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

export interface Daemon {
  readonly exited: Promise<number | string>
  readonly gone: boolean
  /** Lies on another disk. */
  readonly logFile: string
  stop(): void
  kill(): void
}

export interface DaemonOptions {
  readonly dataDir: string
  readonly outDir: string
  readonly port: number
  readonly adminPort: number
}

export function startDaemon({ dataDir, outDir, port, adminPort }: DaemonOptions): Daemon {
  const logFile = join(mkdtempSync(join(tmpdir(), 'millrace-space-log-')), 'daemon.log')
  const flags = {
    'data-dir': dataDir,
    'admin-port': String(adminPort),
    executors: '2',
    partitions: '4',
    'segment-bytes': '2MiB',
    'log-quota-bytes': '32MiB',
    'disk-reserve-bytes': '32MiB',
    'retry-backoff-ms': '100ms',
    'supervise-backoff-max-ms': '500ms',
    param: `port=${String(port)}`,
  }
  const flat = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
  const log = openSync(logFile, 'a')
  const child = spawn(
    process.execPath,
    [`${ROOT}bin/millrace.js`, 'run', `${ROOT}chaos/kill/program.ts`, '--supervise', ...flat],
    { cwd: outDir, stdio: ['ignore', log, log], detached: true },
  )
  closeSync(log)
  let gone = false
  const exited = new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      gone = true
      resolve(code ?? signal ?? 'gone')
    })
  })
  const kill = (): void => {
    if (gone || child.pid === undefined) return
    process.kill(-child.pid, 'SIGKILL')
  }
  process.on('exit', kill)
  return {
    exited,
    logFile,
    get gone() {
      return gone
    },
    stop: () => {
      child.kill('SIGTERM')
    },
    kill,
  }
}
