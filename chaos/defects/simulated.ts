/** Defects that lives on the simulated machine have to find. */
import { buildSync } from 'esbuild'
import { join } from 'node:path'
import { inCopy, run } from './copy.ts'

interface Defect {
  readonly name: string
  readonly meaning: string
}

export const SIMULATED: readonly Defect[] = [
  { name: 'segment-sync-skipped', meaning: 'a segment is written and never synced' },
  { name: 'acknowledged-before-sync', meaning: 'callers hear of success before the sync' },
  {
    name: 'directory-sync-skipped',
    meaning: 'the name of a new segment is not made durable',
  },
  {
    name: 'position-not-in-checksum',
    meaning: 'the checksum of a record does not cover where it belongs',
  },
  { name: 'published-before-commit', meaning: 'outputs become visible before the commit' },
  {
    name: 'overlay-merged-before-commit',
    meaning: 'changes of an attempt go into the committed state at its end',
  },
  {
    name: 'stale-reply-applied',
    meaning: 'an aborted attempt frees its executor at once, and its reply counts for the next',
  },
  {
    name: 'receipt-before-both-stores',
    meaning: 'a commit counts, and gets its receipt, when one of two stores has it',
  },
  { name: 'old-epoch-accepted', meaning: 'a group of an older epoch passes in its place' },
  {
    name: 'uncommitted-segment-freed',
    meaning: 'segments are freed up to what is allocated, committed or not',
  },
]

const BUNDLE = 'lives.mjs'
const RUN_MS_A_LIFE = 10_000

export interface SimulationOptions {
  readonly livesMax: number
  readonly seed: number
  readonly write: (line: string) => void
}

export function isCaughtBySimulation(defect: Defect, options: SimulationOptions): boolean {
  const { livesMax, seed, write } = options
  const { meaning, name } = defect
  const { status, text } = inCopy(`sim/${name}.patch`, [], (copy) => {
    buildSync({
      entryPoints: [join(copy, 'chaos/sim/main.ts')],
      outfile: join(copy, BUNDLE),
      ...{ bundle: true, platform: 'node', format: 'esm', packages: 'external' },
      logLevel: 'warning',
    })
    const flags = ['--seed', String(seed), '--lives', String(livesMax), '--first']
    return run(copy, BUNDLE, flags, livesMax * RUN_MS_A_LIFE)
  })
  const lives = /^lives +(\d+)$/m.exec(text)?.[1]
  const violation = /^VIOLATION (.*)$/m.exec(text)?.[1]
  if (status === 1 && lives !== undefined && violation !== undefined) {
    write(`${name}: caught in life ${lives} (${violation})  — ${meaning}`)
    return true
  }
  const ended = status === 0 ? `${lives ?? 'no'} lives` : `exit code ${String(status)}\n${text}`
  write(`${name}: NOT CAUGHT (${ended})  — ${meaning}`)
  return false
}
