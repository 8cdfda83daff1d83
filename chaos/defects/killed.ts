/** Defects that a run of kills of the real daemon has to find. */
import { join } from 'node:path'
import { done, inCopy, ROOT, run } from './copy.ts'

interface Defect {
  readonly name: string
  readonly meaning: string
  /** The line of the report that has to tell of it. */
  readonly shownAs: 'lost' | 'doubled'
}

export const KILLED: readonly Defect[] = [
  {
    name: 'duplicates-counted',
    meaning: 'records that are sent again are counted again',
    shownAs: 'doubled',
  },
  {
    name: 'receipt-before-publication',
    meaning: 'the receipt of a batch is written before its outputs are published',
    shownAs: 'lost',
  },
]

const RUN_MS_A_CYCLE = 10_000
const RUN_MS = 300_000

export interface KillOptions {
  readonly cycles: number
  readonly seed: number
  readonly write: (line: string) => void
}

export function isCaughtByKills(defect: Defect, { cycles, seed, write }: KillOptions): boolean {
  const { meaning, name, shownAs } = defect
  write(`${name}: ${meaning}`)
  const { status, text } = inCopy(`${name}.patch`, ['dist'], (copy) => {
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    done(copy, process.execPath, [compiler, '-p', 'tsconfig.build.json'])
    const flags = ['--cycles', String(cycles), '--seed', String(seed)]
    return run(copy, 'dist/chaos/kill/main.js', flags, RUN_MS + cycles * RUN_MS_A_CYCLE)
  })
  const found = new RegExp(`^${shownAs} [1-9].*$`, 'm').exec(text)?.[0]
  const lives = /^seen in (\d+) lives$/m.exec(text)?.[1]
  write(text.trimEnd().replaceAll(/^/gm, '  | '))
  const caught = status !== 0 && found !== undefined && lives !== undefined
  write(caught ? `${name}: caught in ${lives} lives: ${found}\n` : `${name}: NOT CAUGHT\n`)
  return caught
}
