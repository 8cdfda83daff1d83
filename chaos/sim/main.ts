/**
 * `npm run chaos -- --seed N --lives M [--program P] [--trace] [--first]`: random lives of the
 * engine on a simulated machine; `--first` ends at the first that fails. Exit code 0 only when
 * nothing was lost, counted twice or out of order.
 */
import { parseArgs } from 'node:util'
import { isProgram } from './programs.ts'
import { runLives } from './run-lives.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    lives: { type: 'string', default: '100' },
    program: { type: 'string' },
    trace: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31))
const lives = Number(values.lives)
const { program } = values
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(lives) || lives < 1) {
  process.stderr.write(
    'chaos [--seed N] [--lives N] [--program P] [--trace] [--first]: whole numbers\n',
  )
  process.exit(64)
}
if (program !== undefined && !isProgram(program)) {
  process.stderr.write(`no program '${program}'\n`)
  process.exit(64)
}
const write = (line: string): void => {
  process.stdout.write(`${line}\n`)
}
write(`chaos: seed ${String(seed)}, ${String(lives)} lives`)
const good = await runLives({
  seed,
  lives,
  program,
  failedMax: values.first ? 1 : 10,
  trace: values.trace,
  write,
})
process.exit(good ? 0 : 1)
