/**
 * `npm run chaos:calls`: records the system calls of the real LevelDB with strace and holds those
 * of its twin against them. Exit code 0: the same; 1: not the same; 2: strace is not there, so
 * nothing was compared.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { differences, ORDERED, readStrace } from './store-calls.ts'
import { twinCalls } from './twin-calls.ts'

const CALLS = 'openat,write,pwrite64,fsync,fdatasync,rename,link,unlink,statx,stat,newfstatat'

const directory = mkdtempSync(join(tmpdir(), 'millrace-calls-'))
try {
  const trace = join(directory, 'trace')
  const path = join(directory, 'store')
  const child = fileURLToPath(new URL('./calls-child-main.js', import.meta.url))
  const args = ['-f', '-y', '-s', '300', '-e', `trace=${CALLS}`, '-o', trace]
  const run = spawnSync('strace', [...args, process.execPath, child, path], { encoding: 'utf8' })
  if (run.error !== undefined || run.status !== 0) {
    process.stdout.write(`chaos:calls DID NOT RUN: strace: ${run.error?.message ?? run.stderr}\n`)
    process.exitCode = 2
  } else {
    const real = readStrace(readFileSync(trace, 'utf8'), path)
    for (const [step, calls] of real) process.stdout.write(`${step}: ${calls.join(', ')}\n`)
    const found = differences(real, await twinCalls())
    for (const difference of found) process.stdout.write(`DIFFERENT ${difference}\n`)
    const told = `${String(ORDERED.length)} steps in order, 1 by its promises`
    process.stdout.write(`${told}: ${String(found.length)} differences\n`)
    process.exitCode = found.length === 0 ? 0 : 1
  }
} finally {
  rmSync(directory, { recursive: true, force: true })
}
