/** Many random lives, one after the other, and what came of them. */
import { randomLife, type LifeResult } from './random-life.ts'
import type { ProgramName } from './programs.ts'

export interface RunOptions {
  readonly seed: number
  readonly lives: number
  readonly program: ProgramName | undefined
  /** Every effect is written. */
  readonly trace: boolean
  /** So many failed lives are enough. */
  readonly failedMax: number
  readonly write: (line: string) => void
}

const TAIL_LINES = 60
const VIOLATIONS_SHOWN = 8

export async function runLives(options: RunOptions): Promise<boolean> {
  const { lives, program, seed, trace, write } = options
  const fired = new Map<string, number>()
  const points = new Map<string, number>()
  const results: LifeResult[] = []
  const failed: LifeResult[] = []
  const began = process.cpuUsage()
  for (let n = 0; n < lives && failed.length < options.failedMax; n++) {
    const onLine = trace ? { onLine: write } : {}
    const result = await randomLife({ seed: seed + n, program, fired, points, ...onLine })
    results.push(result)
    if (result.violations.length === 0) continue
    failed.push(result)
    tellFailure(result, write)
  }
  const { user, system } = process.cpuUsage(began)
  const cpu = (user + system) / 1e6
  const sum = (f: (result: LifeResult) => number): number =>
    results.reduce((total, result) => total + f(result), 0)
  const least = (f: (result: LifeResult) => number): string => String(Math.min(...results.map(f)))
  write(`lives            ${String(results.length)}`)
  write(`boots, crashes   ${String(sum((r) => r.boots))}, ${String(sum((r) => r.crashes))}`)
  write(`least of a life  ${least((r) => r.batches)} batches, ${least((r) => r.records)} records`)
  write(`a second of CPU  ${(results.length / cpu).toFixed(1)} lives`)
  write(`crash points     ${String(points.size)} distinct`)
  for (const [what, n] of [...fired].sort()) write(`  ${what.padEnd(32)} ${String(n)}`)
  write(`digest           ${results.map(({ trace: of }) => of.digest).at(-1) ?? ''}`)
  write(`violations       ${String(sum((r) => r.violations.length))}`)
  return failed.length === 0
}

function tellFailure(result: LifeResult, write: (line: string) => void): void {
  const { program, seed, trace, violations } = result
  for (const line of trace.marks) write(`  ${line}`)
  for (const line of trace.tail(TAIL_LINES)) write(`    ${line}`)
  for (const violation of violations.slice(0, VIOLATIONS_SHOWN)) write(`VIOLATION ${violation}`)
  const more = violations.length - VIOLATIONS_SHOWN
  if (more > 0) write(`and ${String(more)} more`)
  write(`repeat: npm run chaos -- --seed ${String(seed)} --lives 1 --program ${program} --trace`)
}
