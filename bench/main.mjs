/**
 * `npm run bench`: what Millrace does on this machine beside what this machine can do at all, as
 * one table; then where the time goes. `--quick` is a look of two minutes instead of fifteen;
 * `--only ingest,crash` measures some; `--no-profiles` leaves the profiles out.
 *
 * Nothing outside the temporary directory is written, nothing but loopback is used, and every
 * process that was started is ended. docs/performance.md says how to read the figures.
 */
import { existsSync } from 'node:fs'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { FIGURES, PROFILES } from './plan.mjs'
import { CORES } from './proc.mjs'
import { profiled } from './profile.mjs'
import { costs, table } from './table.mjs'

/** Nothing is begun after so long: what runs by then ends within a minute or so. */
const FULL_MS = 14 * 60_000
const QUICK_MS = 100_000

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    profiles: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

if (existsSync(new URL('../dist/src/main.js', import.meta.url))) await main()
else {
  console.error('bench: dist is missing; run: npm run build')
  process.exitCode = 64
}

async function main() {
  const wanted = values.only?.split(',')
  const began = performance.now()
  const machine = `${CORES} cores, Node ${process.version}, load average ${loadavg()[0].toFixed(2)}`
  console.log(`Millrace bench${values.quick ? ' (quick)' : ''}: ${machine}\n`)
  const rows = []
  const timeIsUp = () => performance.now() - began > (values.quick ? QUICK_MS : FULL_MS)
  for (const [name, measure] of Object.entries(FIGURES)) {
    if (wanted?.includes(name) === false) continue
    if (timeIsUp()) {
      rows.push([name, 'left out: the time was up', '', '', ''])
      continue
    }
    process.stderr.write(`${name} …\n`)
    rows.push(...(await measureOrTell(name, () => measure(values.quick))))
  }
  const heads = ['figure', 'measured', 'this machine', 'ratio', 'cores used meanwhile']
  console.log(table(heads, rows))
  if (values.profiles) await tellProfiles(wanted, timeIsUp)
  console.log(`\n${Math.round((performance.now() - began) / 1000)} s in all`)
}

/** One figure that fails does not take the others with it. */
async function measureOrTell(name, measure) {
  try {
    return await measure()
  } catch (error) {
    process.exitCode = 1
    process.stderr.write(`${error.stack}\n`)
    return [[name, `failed: ${error.message.slice(0, 60)}`, '', '', '']]
  }
}

async function tellProfiles(wanted, timeIsUp) {
  console.log('\nLargest costs, by self time (runs of their own)')
  for (const [name, run] of Object.entries(PROFILES)) {
    if (wanted?.includes(name) === false || timeIsUp()) continue
    process.stderr.write(`profile of ${name} …\n`)
    console.log(`\n${name}`)
    const found = await profiled((directory) => run(directory, values.quick))
    for (const kind of ['driver', 'executor']) {
      if (found[kind] !== undefined) console.log(costs(kind, found[kind]))
    }
  }
}
