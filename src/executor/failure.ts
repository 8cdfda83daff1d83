/**
 * Errors on their way between processes: as data, with the place in the program they are blamed on.
 * Pure.
 */
import { type ErrorCode, messageOf, MillraceError } from '../base/errors.ts'
import { describePlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import type { Exit } from '../host/host.ts'
import type { Failure } from './attempt.ts'
import { EXECUTOR_LIMITS } from './limits.ts'

/**
 * An error as data. One without a code came out of the user's program. `running` are the operators
 * that ran when it was thrown, for errors that do not name theirs.
 */
export function failureOf(error: unknown, running: readonly Place[]): Failure {
  const stack = stackOf(error)
  if (!(error instanceof MillraceError)) {
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
    return failure('MR_USER_FUNCTION_FAILED', thrown, running, stack)
  }
  const { operator, place } = error.details
  const named: readonly Place[] =
    typeof operator !== 'string'
      ? running
      : [typeof place === 'string' ? { operator, location: place } : { operator }]
  return failure(error.code, error.message, named, stack)
}

export function failure(
  code: ErrorCode,
  message: string,
  places: readonly Place[] = [],
  stack?: string,
): Failure {
  const { errorTextMax } = EXECUTOR_LIMITS
  return {
    code,
    message: message.slice(0, errorTextMax),
    places,
    stack: stack?.slice(0, errorTextMax),
  }
}

/** For queries, whatever their executor died of: they run nothing of the program. */
export const BEING_REPLACED = failure(
  'MR_EXECUTOR_DIED',
  'the executor is being replaced: ask again',
)

/** The error a failure stands for, thrown again in this process. */
export function errorOf(what: Failure, details: Readonly<Record<string, unknown>> = {}): Error {
  const place = what.places[0]
  return new MillraceError(what.code, what.message, {
    details: {
      ...details,
      ...(place === undefined ? {} : { operator: place.operator, place: place.location }),
      ...(what.stack === undefined ? {} : { stack: what.stack }),
    },
  })
}

/**
 * ` while running map at app.ts:3:5, reduceByKey at app.ts:4:6`, or nothing when no operator ran.
 */
export function whileRunning(places: readonly Place[]): string {
  return places.length === 0 ? '' : ` while running ${places.map(describePlace).join(', ')}`
}

/** The stack of the innermost error: the user's own, where ours only wraps it. */
function stackOf(error: unknown): string | undefined {
  let innermost = error
  for (let depth = 0; depth < 8; depth++) {
    if (!(innermost instanceof Error) || innermost.cause === undefined) break
    innermost = innermost.cause
  }
  return innermost instanceof Error ? innermost.stack : undefined
}

const OUT_OF_MEMORY = /heap out of memory|Allocation failed|ERR_WORKER_OUT_OF_MEMORY/

/** An executor that ended by an error nobody caught: its own last words. */
export function crash(rank: number, error: Failure, places: readonly Place[]): Failure {
  const message = `executor ${String(rank)} ended by an error nobody caught: ${error.message}`
  return failure('MR_EXECUTOR_DIED', message + whileRunning(places), places, error.stack)
}

/** Why an executor is gone, from what is left of it. */
export function failureOfExit(
  rank: number,
  exit: Exit,
  stderr: readonly string[],
  places: readonly Place[],
): Failure {
  const who = `executor ${String(rank)}`
  const running = whileRunning(places)
  if (stderr.some((line) => OUT_OF_MEMORY.test(line))) {
    const message = `${who} ran out of memory${running}`
    return failure('MR_EXECUTOR_OUT_OF_MEMORY', message, places)
  }
  const how =
    exit.signal === null ? `ended with code ${String(exit.code)}` : `was killed by ${exit.signal}`
  return failure('MR_EXECUTOR_DIED', `${who} ${how}${running}${lastWords(stderr)}`, places)
}

/** The line of stderr that says most: the last that looks like an error, else the last. */
function lastWords(stderr: readonly string[]): string {
  const line = stderr.findLast((one) => /^\s*\w*Error\b/.test(one)) ?? stderr.at(-1)
  return line === undefined ? '' : `; it printed: ${line.trim()}`
}

/**
 * What is no error of the program's: the machine has no process left, the pieces cannot be read.
 */
export function irreplaceable(rank: number, error: unknown): Failure {
  const message = `executor ${String(rank)} cannot be replaced: ${messageOf(error)}`
  return failure('MR_EXECUTOR_DIED', message)
}
