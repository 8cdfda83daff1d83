/**
 * `npm run chaos:points -- [--program P] [--depth 1|2|3] [--share 1] [--repeats 1]
 * [--second 1] [--triples N] [--seed N]`:
 * every effect of small programs is made the last one, and every effect of the recovery after it.
 * Exit code 0 only when every one of these runs came right.
 */
import { parseArgs } from 'node:util'
import { enumerate, type Violation } from './enumerate.ts'
import { isProgram, programOf, PROGRAMS } from './programs.ts'

const { values } = parseArgs({
  options: {
    program: { type: 'string' },
    depth: { type: 'string', default: '3' },
    share: { type: 'string', default: '1' },
    repeats: { type: 'string', default: '1' },
    second: { type: 'string', default: '1' },
    triples: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
  },
})
const number = (name: 'depth' | 'share' | 'repeats' | 'second' | 'triples' | 'seed'): number =>
  Number(values[name])
const VIOLATIONS_MAX = 20
let violations = 0

function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

function tell({ path, program, tail, what }: Violation): void {
  violations += 1
  for (const line of tail) write(`    ${line}`)
  write(`VIOLATION ${program}: last effects ${path}: ${what.slice(0, 5).join('; ')}`)
  if (violations >= VIOLATIONS_MAX) process.exit(1)
}

const points = new Set<string>()
let runs = 0
const began = process.cpuUsage()
for (const name of PROGRAMS) {
  if (values.program !== undefined && isProgram(values.program) && values.program !== name) continue
  const result = await enumerate({
    program: programOf[name],
    seed: number('seed'),
    depth: number('depth'),
    share: number('share'),
    repeats: number('repeats'),
    second: number('second'),
    triples: number('triples'),
    onViolation: tell,
  })
  for (const point of result.points) points.add(point)
  runs += result.runs.reduce((sum, n) => sum + n, 0)
  const crashes = result.runs.map(String).join(', ')
  const told = `${String(result.effects)} effects, ${String(result.points.size)} crash points`
  write(`${name.padEnd(14)} ${told}; runs with 1, 2, 3 crashes: ${crashes}`)
}
const { user, system } = process.cpuUsage(began)
write(`runs             ${String(runs)}, ${((user + system) / 1e6).toFixed(0)} s of CPU`)
write(`crash points     ${String(points.size)} distinct (label, phase, depth)`)
write(`violations       ${String(violations)}`)
process.exit(violations === 0 ? 0 : 1)
