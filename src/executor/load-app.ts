/**
 * Brings the user's program into this process: imports its bundle and finds the one app it exports.
 * The only file that imports code by a name that is data; the driver never loads it.
 */
import { assert } from '../base/assert.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import { locationIn } from '../dataset/place.ts'
import { type App, isApp } from '../dstream/app.ts'
import type { StartOptions } from './protocol.ts'

/**
 * Throws `MR_PROGRAM_BUILD_FAILED` when the program's own top level does, `MR_PROGRAM_INVALID` when
 * it exports no app.
 */
export async function loadApp(program: StartOptions['program']): Promise<App<unknown>> {
  return pickApp(await importProgram(program.bundle), program.exportName)
}

async function importProgram(bundle: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const module: unknown = await import(bundle)
    assert(typeof module === 'object' && module !== null, 'a module is an object')
    return Object.fromEntries<unknown>(Object.entries(module))
  } catch (error) {
    throw importFailed(error)
  }
}

/**
 * What the program's own top level threw; an error of ours (a name that cannot be) stays as it is.
 */
function importFailed(error: unknown): MillraceError {
  if (error instanceof MillraceError) return error
  const location = error instanceof Error ? locationIn(error.stack ?? '') : undefined
  const where = location === undefined ? '' : ` at ${location}`
  return new MillraceError(
    'MR_PROGRAM_BUILD_FAILED',
    `the program failed while it was built${where}: ${messageOf(error)}`,
    { cause: error, details: { operator: 'program', place: location } },
  )
}

/**
 * The app under the name asked for; else the default export, if it is one; else the only one there
 * is.
 */
export function pickApp(
  exports: Readonly<Record<string, unknown>>,
  exportName: string | undefined,
): App<unknown> {
  const apps = new Map<string, App<unknown>>()
  for (const [name, value] of namedExports(exports)) if (isApp(value)) apps.set(name, value)
  const names = [...apps.keys()].sort()
  const listed = names.length === 0 ? 'it exports none' : `it exports ${names.join(', ')}`
  if (exportName !== undefined) {
    const app = apps.get(exportName)
    if (app !== undefined) return app
    throw invalid(`the program has no app '${exportName}': ${listed}`)
  }
  const app = apps.get('default') ?? onlyOne(new Set(apps.values()))
  if (app !== undefined) return app
  if (names.length > 1) {
    throw invalid(`the program has several apps: choose one of ${names.join(', ')} with --export`)
  }
  throw invalid('the program has no app: write `export default defineApp(…)`')
}

/** Those of a CommonJS program are the properties of its default export. */
function namedExports(exports: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
  const { default: standard, ...others } = exports
  if (isApp(standard) || typeof standard !== 'object' || standard === null) {
    return Object.entries(exports)
  }
  return [...Object.entries<unknown>({ ...standard }), ...Object.entries(others)]
}

function onlyOne(apps: ReadonlySet<App<unknown>>): App<unknown> | undefined {
  const [app] = apps
  return apps.size === 1 ? app : undefined
}

const invalid = (message: string): MillraceError => new MillraceError('MR_PROGRAM_INVALID', message)
