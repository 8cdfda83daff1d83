/**
 * `npm run chaos:defects`: a check of the check. Each patch beside this file puts one defect into
 * a copy of the tree; the copy is built and killed like the real one, and its run has to find the
 * defect. The tree itself is never touched.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

interface Defect {
  readonly patch: string
  readonly meaning: string
  /** The line of the report that has to tell of it. */
  readonly shownAs: 'lost' | 'doubled'
}

const DEFECTS: readonly Defect[] = [
  {
    patch: 'duplicates-counted.patch',
    meaning: 'records that are sent again are counted again',
    shownAs: 'doubled',
  },
  {
    patch: 'receipt-before-publication.patch',
    meaning: 'the receipt of a batch is written before its outputs are published',
    shownAs: 'lost',
  },
]

/** Of the compiled file `dist/chaos/defects/main.js`. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const COPIED = [
  ...['package.json', 'tsconfig.json', 'tsconfig.build.json'],
  ...['bin', 'src', 'wal', 'checkpoint', 'chaos', 'dist'],
]
const BUILD_MS = 300_000
const RUN_MS_A_CYCLE = 10_000
const RUN_MS = 300_000
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '40' },
    seed: { type: 'string', default: '1' },
  },
})
const missed = DEFECTS.filter((defect) => !isCaught(defect))
process.stdout.write(missed.length === 0 ? 'every defect was caught\n' : 'FAILED\n')
process.exit(missed.length === 0 ? 0 : 1)

function isCaught({ patch, meaning, shownAs }: Defect): boolean {
  process.stdout.write(`${patch}: ${meaning}\n`)
  const copy = mkdtempSync(join(tmpdir(), 'mr-'))
  try {
    build(copy, patch)
    const { status, text } = killIt(copy)
    const found = new RegExp(`^${shownAs} [1-9].*$`, 'm').exec(text)?.[0]
    const lives = /^seen in (\d+) lives$/m.exec(text)?.[1]
    process.stdout.write(text.replaceAll(/^/gm, '  | '))
    if (status !== 0 && found !== undefined && lives !== undefined) {
      process.stdout.write(`${patch}: caught in ${lives} lives: ${found}\n\n`)
      return true
    }
    process.stdout.write(`${patch}: NOT CAUGHT\n\n`)
    return false
  } finally {
    rmSync(copy, { recursive: true, force: true })
  }
}

function build(copy: string, patch: string): void {
  for (const name of COPIED) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  mkdirSync(join(copy, 'tmp'))
  done(copy, BUILD_MS, 'git', ['apply', '-C1', join(ROOT, 'chaos/defects', patch)])
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  done(copy, BUILD_MS, process.execPath, [compiler, '-p', 'tsconfig.build.json'])
}

/** The ordinary run, in the copy; what it leaves goes with the copy. */
function killIt(copy: string): { readonly status: number | null; readonly text: string } {
  const flags = ['--cycles', values.cycles, '--seed', values.seed]
  const result = spawnSync(process.execPath, [join(copy, 'dist/chaos/kill/main.js'), ...flags], {
    cwd: copy,
    encoding: 'utf8',
    env: { ...process.env, TMPDIR: join(copy, 'tmp') },
    timeout: RUN_MS + Number(values.cycles) * RUN_MS_A_CYCLE,
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  return { status: result.status, text: result.stdout + result.stderr }
}

function done(cwd: string, timeout: number, command: string, args: readonly string[]): void {
  // Outside of a repository `git apply` patches plain files.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() }
  const result = spawnSync(command, [...args], { cwd, encoding: 'utf8', timeout, env })
  if (result.error !== undefined) throw result.error
  if (result.status === 0) return
  throw new Error(`${command} ${args.join(' ')}: ${result.stdout}${result.stderr}`)
}
