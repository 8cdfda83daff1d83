/**
 * `npm run chaos:space -- --rounds 8 --seed 1`: fills the disk of a running daemon to its last byte
 * and frees it again, round after round, and tells whether every record counts once and whether
 * anybody had to help. Needs the right to mount a small file system (tmpfs), or one that is
 * mounted already: `--disk DIRECTORY`, which is filled too. Exit code 0 when all held, 1 when not,
 * 77 when it could not run.
 */
import { parseArgs } from 'node:util'
import { smallDisk } from './disk.ts'
import { isGood, report, run } from './run.ts'

const NOT_RUN = 77

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    disk: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const seed = Number(values.seed)
if (!Number.isSafeInteger(rounds) || rounds < 1 || !Number.isSafeInteger(seed)) {
  process.stderr.write('chaos:space [--rounds N] [--seed N] [--disk DIRECTORY]: whole numbers\n')
  process.exit(64)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const disk = smallDisk(values.disk)
if (disk.kind === 'none') {
  process.stderr.write(`chaos:space DID NOT RUN: ${disk.why}\n`)
  process.exit(NOT_RUN)
}
process.on('exit', () => {
  disk.release()
})
const outcome = await run({
  ...{ directory: disk.directory, rounds, seed },
  onProgress: (line) => {
    process.stdout.write(`${line}\n`)
  },
})
process.stdout.write(report(outcome))
process.exit(isGood(outcome) ? 0 : 1)
