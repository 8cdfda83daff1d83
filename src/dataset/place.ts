/**
 * Where an operator stands in the user's program, and errors that say so. The place is read once,
 * from the stack of the call that made the operator: the first frame that is neither Node's nor of
 * this package's own source.
 */
import { fileURLToPath } from 'node:url'
import { AssertionFailure } from '../base/assert.ts'
import { isMillraceError, messageOf, MillraceError } from '../base/errors.ts'
import type { Place } from './runtime.ts'

/** Folders of this package's code: as it runs, and as source maps name it. */
const OWN_FOLDERS = ownFolders(fileURLToPath(new URL('..', import.meta.url)))

/** The folder of compiled code and of its source. */
export function ownFolders(running: string): readonly string[] {
  const source = running.replace(/([\\/])dist([\\/])src([\\/])$/, '$1src$3')
  return source === running ? [running] : [running, source]
}

/** The place of the operator that the user's program is calling now. */
export function callPlace(operator: string): Place {
  const location = locationIn(new Error('call site').stack ?? '')
  return location === undefined ? { operator } : { operator, location }
}

/** The first frame of a stack that belongs to a program: `app.ts:12:5`. */
export function locationIn(
  stack: string,
  own: readonly string[] = OWN_FOLDERS,
): string | undefined {
  for (const line of stack.split('\n')) {
    const frame = /^\s+at (?:.*\()?(?:async )?(.+?):(\d+):(\d+)\)?$/.exec(line)
    if (frame === null) continue
    const file = (frame[1] ?? '').replace(/^file:\/\//, '')
    if (file.startsWith('node:') || own.some((folder) => file.startsWith(folder))) continue
    return `${file.slice(file.lastIndexOf('/') + 1)}:${frame[2] ?? ''}:${frame[3] ?? ''}`
  }
  return undefined
}

/** `map at app.ts:12:5`. */
export function describePlace(place: Place): string {
  return place.location === undefined ? place.operator : `${place.operator} at ${place.location}`
}

/**
 * Throws `MR_GRAPH_INVALID` when what a function of the program returned is a promise: trying again
 * cannot help. What it promised is nobody's any more, a rejection of it too.
 */
export function refusePromise(place: Place, made: unknown): void {
  if (!(made instanceof Promise)) return
  made.catch(() => undefined)
  throw new MillraceError(
    'MR_GRAPH_INVALID',
    `${describePlace(place)}: its function returned a promise: functions of operators are ` +
      'synchronous (await in foreachPartition, foreachRDD or a receiver)',
    { details: { operator: place.operator, place: place.location } },
  )
}

/**
 * The error to throw for one that came out of a user's function, or of a row it made: it names the
 * operator. This package's own errors (of a log that cannot be read, say) and broken invariants are
 * nobody's function and stay.
 */
export function blame(place: Place, error: unknown): Error {
  if (error instanceof AssertionFailure) return error
  const placeless = isMillraceError(error, 'MR_KEY_INVALID') && !('operator' in error.details)
  if (isMillraceError(error) && !placeless) return error
  const code = placeless ? 'MR_KEY_INVALID' : 'MR_USER_FUNCTION_FAILED'
  const stack = error instanceof Error ? error.stack : undefined
  return new MillraceError(code, `${describePlace(place)}: ${messageOf(error)}`, {
    cause: error,
    details: { operator: place.operator, place: place.location, stack },
  })
}
