/**
 * `npm run chaos:damage -- --seed 1`: damages a log and both stores of a checkpoint, byte by byte
 * and bit by bit, opens what is left and holds it against what was written. Exit code 0 only when
 * nothing was lost below the watermark, nothing refused that could be mended and nothing wrong
 * served.
 *
 *   --seed N          chooses what is sampled
 *   --sample          a few seconds of each part, for CI
 *   --only log,stores,large
 *   --megabytes N --keys N     size of the large directory (1024 and a million)
 *   --scratch DIR     where the stores lie; default /dev/shm, for speed
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import { largeTrials } from './large-trials.ts'
import { logTrials } from './log-trials.ts'
import { storesTrials } from './stores-trials.ts'
import type { Tally } from './tally.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    sample: { type: 'boolean', default: false },
    megabytes: { type: 'string' },
    keys: { type: 'string' },
    only: { type: 'string', default: 'log,stores,large' },
    scratch: { type: 'string', default: existsSync('/dev/shm') ? '/dev/shm' : tmpdir() },
  },
})
const { sample } = values
const seed = Number(values.seed)
const parts = values.only.split(',')
const scratch = mkdtempSync(join(values.scratch, 'millrace-damage-'))
process.stdout.write(`chaos:damage: seed ${String(seed)}, ${parts.join(', ')}, in ${scratch}\n`)

const at = { seed, scratch }
const log = { ...at, records: 300 }
const RUNS: Readonly<Record<string, () => AsyncIterable<Tally>>> = {
  log: () => logTrials({ ...log, stride: sample ? 97 : 1, onDisk: sample ? 60 : 1000 }),
  stores: () =>
    storesTrials(
      sample
        ? { ...at, stride: 53, bits: 300, cuts: 60, pairs: 150, secondsMax: 12 }
        : { ...at, stride: 1, bits: 20_000, cuts: 2000, pairs: 5000, secondsMax: 3600 },
    ),
  large: () =>
    largeTrials({
      ...at,
      megabytes: Number(values.megabytes ?? (sample ? 64 : 1024)),
      keys: Number(values.keys ?? (sample ? 50_000 : 1_000_000)),
      flips: sample ? 1000 : 10_000,
      opens: sample ? 20 : 500,
      secondsMax: 3600,
    }),
}

let violations = 0
for (const part of parts) {
  const run = RUNS[part]
  if (run === undefined) throw new RangeError(`--only: no part '${part}'`)
  for await (const tally of run()) {
    process.stdout.write(tally.text())
    violations += tally.violations
  }
}
rmSync(scratch, { recursive: true })
process.stdout.write(`chaos:damage: ${String(violations)} violations\n`)
process.exit(violations === 0 ? 0 : 1)
