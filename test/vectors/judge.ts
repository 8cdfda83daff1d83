/** Whether what a run of a vector yielded is what the vector expects. */
import type { ErrorCode } from '../../src/base/errors.ts'
import { canonical, differences, type BatchRows } from './compare.ts'
import { isList, objectOf, textOf, VectorFormatError, type Vector } from './vector.ts'

/** When an error came: while building, while starting, or in a batch (1, 2, …). */
export type Moment = 'construction' | 'start' | number

export interface RunError {
  readonly when: Moment
  /** undefined for an error without one, which is never right. */
  readonly code: string | undefined
  readonly message: string
}

export interface VectorRun {
  /** In batch order, each batch once. */
  readonly batches: readonly BatchRows[]
  readonly error?: RunError
}

/**
 * Codes that blame the program; an executor that dies over a mistake in a program is not the error
 * that was asked for.
 */
const PROGRAM_ERRORS: ReadonlySet<string | undefined> = new Set<ErrorCode>([
  'MR_PROGRAM_BUILD_FAILED',
  'MR_GRAPH_INVALID',
  'MR_NO_DATASET',
  'MR_USER_FUNCTION_FAILED',
  'MR_NOT_A_PAIR',
  'MR_KEY_INVALID',
  'MR_STATE_INVALID',
  'MR_CHECKPOINT_REQUIRED',
])

/** What is wrong with a run, in words; empty when it passes. */
export function faults(vector: Vector, run: VectorRun): string[] {
  const { error } = run
  if (vector.kind !== 'dataflow-error') {
    if (error === undefined) return differences(vector, run.batches)
    return [`failed at ${momentText(error.when)}: ${error.message}`]
  }
  const expected = expectedMoment(vector)
  if (error === undefined) return [`no error, expected one at ${momentText(expected)}`]
  const found: string[] = []
  if (!PROGRAM_ERRORS.has(error.code)) {
    found.push(`not an error of the program: ${error.code ?? 'no code'}, ${error.message}`)
  }
  if (!isSoonEnough(error.when, expected)) {
    found.push(
      `error at ${momentText(error.when)}, expected at ${momentText(expected)}: ${error.message}`,
    )
  }
  // Without times, `expected` says nothing about what comes out before the error.
  if (isList(vector.raw['expectedTimes']) && typeof error.when === 'number') {
    found.push(...differences(vector, run.batches))
  }
  return found
}

function expectedMoment(vector: Vector): Moment {
  const when = textOf(objectOf(vector.raw['expectedError'], 'expectedError')['when'], 'when')
  if (when === 'construction' || when === 'start') return when
  const batch = /^job(?: generation)? of batch (\d+)$/.exec(when)?.[1]
  if (batch === undefined) throw new VectorFormatError(`unknown moment '${when}'`)
  return Number(batch)
}

/**
 * The same moment, or earlier where it can be known earlier: before any batch instead of in the
 * first.
 */
function isSoonEnough(actual: Moment, expected: Moment): boolean {
  switch (expected) {
    case 'construction':
      return actual === 'construction'
    case 'start':
      return actual === 'construction' || actual === 'start'
    default:
      return actual === expected || (expected === 1 && typeof actual !== 'number')
  }
}

const momentText = (moment: Moment): string =>
  typeof moment === 'number' ? `batch ${String(moment)}` : moment

/** Batches to run: until the vector ends, or until its error must have come. */
export function batchCount(vector: Vector): number {
  const { raw, op } = vector
  for (const value of [op['totalBatches'], raw['numBatches']]) {
    if (typeof value === 'number') return value
  }
  const moment = vector.kind === 'dataflow-error' ? expectedMoment(vector) : 1
  return Math.max(vector.expected.length, typeof moment === 'number' ? moment : 1)
}

/** A function vector: the result against the expected one. */
export function functionFaults(vector: Vector, result: unknown): string[] {
  const [got, want] = [canonical(result), canonical(vector.expected[0])]
  return got === want ? [] : [`got ${got}, expected ${want}`]
}
