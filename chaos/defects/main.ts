/**
 * `npm run chaos:defects [-- --sim] [--only NAME]`: a check of the check. Each patch puts one
 * defect into a copy of the tree, and what judges the real one has to find it: kills of the daemon
 * (`*.patch`), or with `--sim` lives on the simulated machine (`sim/*.patch`). Exit code 0 only
 * when every one was caught.
 */
import { parseArgs } from 'node:util'
import { isCaughtByKills, KILLED } from './killed.ts'
import { isCaughtBySimulation, SIMULATED } from './simulated.ts'

const { values } = parseArgs({
  options: {
    sim: { type: 'boolean', default: false },
    only: { type: 'string' },
    cycles: { type: 'string', default: '40' },
    'lives-max': { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
  },
})
const options = {
  seed: Number(values.seed),
  cycles: Number(values.cycles),
  livesMax: Number(values['lives-max']),
  write: (line: string): void => {
    process.stdout.write(`${line}\n`)
  },
}
const isWhole = [options.seed, options.cycles, options.livesMax].every(Number.isSafeInteger)
const isChosen = ({ name }: { readonly name: string }): boolean =>
  values.only === undefined || name === values.only
const names = (values.sim ? SIMULATED : KILLED).map(({ name }) => name)
if (!isWhole || (values.only !== undefined && !names.includes(values.only))) {
  process.stderr.write(
    'chaos:defects [--sim] [--only NAME] [--lives-max N | --cycles N] [--seed N]: whole numbers; ' +
      `names are ${names.join(', ')}\n`,
  )
  process.exit(64)
}
const missed = values.sim
  ? SIMULATED.filter((defect) => isChosen(defect) && !isCaughtBySimulation(defect, options))
  : KILLED.filter((defect) => isChosen(defect) && !isCaughtByKills(defect, options))
options.write(missed.length === 0 ? 'every defect was caught' : `FAILED: ${String(missed.length)}`)
process.exit(missed.length === 0 ? 0 : 1)
