/**
 * `npm run chaos:kill -- --cycles 200 --seed 1`: kills the real daemon, and tells whether every
 * record still counts once. Exit code 0 only when everything held and every kind of kill came to
 * its share.
 */
import { parseArgs } from 'node:util'
import { isGood, report } from './report.ts'
import { removeScratch, run } from './run.ts'

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '200' }, seed: { type: 'string' } },
})
const cycles = Number(values.cycles)
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
if (!Number.isSafeInteger(cycles) || cycles < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('chaos:kill [--cycles N] [--seed N]: whole numbers\n')
  process.exit(64)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

process.stdout.write(`chaos:kill: seed ${String(seed)}, ${String(cycles)} cycles\n`)
const outcome = await run({
  seed,
  cycles,
  onProgress: (line) => {
    process.stdout.write(`${line}\n`)
  },
})
process.stdout.write(report(outcome, { seed, cycles }))
const good = isGood(outcome, cycles)
if (good) removeScratch(outcome)
process.exit(good ? 0 : 1)
