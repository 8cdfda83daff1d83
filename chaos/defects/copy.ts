/** A copy of the tree with one defect in it. The tree itself is never touched. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Of the compiled file `dist/chaos/defects/copy.js`. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SOURCES = [
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['bin', 'src', 'wal', 'checkpoint', 'chaos'],
]
const STEP_MS = 300_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

/** Runs `work` in a copy to which the patch, a path in `chaos/defects`, was applied. */
export function inCopy<T>(patch: string, alsoCopied: readonly string[], work: (copy: string) => T) {
  const copy = mkdtempSync(join(tmpdir(), 'mr-'))
  try {
    for (const name of [...SOURCES, ...alsoCopied]) {
      cpSync(join(ROOT, name), join(copy, name), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
    mkdirSync(join(copy, 'tmp'))
    done(copy, 'git', ['apply', '-C1', join(ROOT, 'chaos/defects', patch)])
    return work(copy)
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

/** A step that has to succeed. */
export function done(cwd: string, command: string, args: readonly string[]): void {
  // Outside of a repository `git apply` patches plain files.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() }
  const result = spawnSync(command, [...args], { cwd, encoding: 'utf8', timeout: STEP_MS, env })
  if (result.error !== undefined) throw result.error
  if (result.status === 0) return
  throw new Error(`${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`)
}

export interface Ran {
  readonly status: number | null
  readonly text: string
}

/** A program of the copy; what it leaves goes with the copy. */
export function run(copy: string, file: string, flags: readonly string[], timeout: number): Ran {
  const result = spawnSync(process.execPath, [join(copy, file), ...flags], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: join(copy, 'tmp') },
    timeout,
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  return { status: result.status, text: result.stdout + result.stderr }
}
