/**
 * `npm run vectors -- PATH…`: runs every vector found in the files and directories named (default:
 * the project's own), each pipeline inline and on two executor processes, and ends with `N passed,
 * N failed, N skipped` and the ids behind each. Exit 0 when nothing failed and something passed,
 * else 1; 64 when a path holds no vectors.
 */
import { resolve } from 'node:path'
import { messageOf } from '../../src/base/errors.ts'
import { inlineWay } from './run-inline.ts'
import { processesWay } from './run-processes.ts'
import { runVector, tally, tallyLines, type Outcome, type Way } from './runner.ts'
import { readVectors, VectorFormatError, type Vector } from './vector.ts'

const DEFAULT_PATH = 'test/vectors/data'
const USAGE_EXIT_CODE = 64
/** Vectors that run at the same time: starting processes is mostly waiting. */
const AT_ONCE = 2

/** npm runs scripts in the package's directory and says here where the user stands. */
const userDirectory = process.env['INIT_CWD'] ?? process.cwd()

async function main(): Promise<number> {
  const given = process.argv.slice(2)
  const paths =
    given.length > 0 ? given.map((path) => resolve(userDirectory, path)) : [resolve(DEFAULT_PATH)]
  const vectors = paths.flatMap((path) => readVectors(path))
  if (vectors.length === 0) throw new VectorFormatError(`no vectors in ${paths.join(', ')}`)
  const processes = processesWay()
  try {
    const outcomes = await runAll(vectors, [inlineWay(), processes])
    const sums = tally(outcomes)
    for (const line of tallyLines(sums)) console.log(line)
    return sums.failed.length === 0 && sums.passed.length > 0 ? 0 : 1
  } finally {
    await processes.close()
  }
}

async function runAll(
  vectors: readonly Vector[],
  ways: readonly Way[],
): Promise<readonly (readonly [string, Outcome])[]> {
  const outcomes = new Map<Vector, Outcome>()
  const waiting = vectors.values()
  // The workers share one iterator, so each vector is taken once.
  const worker = async (): Promise<void> => {
    for (const vector of waiting) {
      const outcome = await runOne(vector, ways)
      outcomes.set(vector, outcome)
      if (outcome.kind === 'failed') report(vector, outcome.why)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return vectors.flatMap((vector) => {
    const outcome = outcomes.get(vector)
    return outcome === undefined ? [] : [[vector.id, outcome] as const]
  })
}

function report(vector: Vector, why: readonly string[]): void {
  console.log([`FAILED ${vector.id}`, ...why.map((fault) => `  ${fault}`)].join('\n'))
}

/** A runner that breaks down over one vector must not hide the others. */
async function runOne(vector: Vector, ways: readonly Way[]): Promise<Outcome> {
  try {
    return await runVector(vector, ways)
  } catch (error) {
    return { kind: 'failed', why: [`the runner broke down: ${messageOf(error)}`] }
  }
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof VectorFormatError)) throw error
  console.error(error.message)
  process.exitCode = USAGE_EXIT_CODE
}
