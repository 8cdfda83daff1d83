/**
 * A program: its name, its batch interval, typed parameters, and the function that builds its
 * graph. The function runs once in every process that computes; it must build the same graph in
 * each.
 */
import { createHash } from 'node:crypto'
import { isMillraceError, messageOf, MillraceError } from '../base/errors.ts'
import type { Duration } from '../base/time.ts'
import { COLLECT_BYTES_MAX, PARTITIONS_DEFAULT } from '../dataset/limits.ts'
import { checkPartitions } from '../dataset/pair.ts'
import { callPlace, locationIn } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'
import type { StreamingContext } from './streaming-context.ts'
import { GraphBuilder, invalid } from './graph-builder.ts'
import { Graph } from './graph.ts'
import { makeContext } from './make-context.ts'
import { checkOptions } from './options.ts'
import { readParams, type Infer, type ParamValue } from './params.ts'

export interface App<P> {
  readonly kind: 'millrace.app'
  readonly name: string
  readonly batchInterval: Duration
  /** Parameters as they are when nobody sets them. */
  readonly defaults: P
  /** Where `defineApp` was called. */
  readonly place: Place
  /** Digest of the text of the program's function. */
  readonly code: string
  /**
   * Runs the program's function on `ssc`. Throws `MR_CONFIG_INVALID` for parameters it does not
   * have.
   */
  readonly program: (ssc: StreamingContext, given: Readonly<Record<string, ParamValue>>) => void
}

export interface AppOptions<D> {
  /** Names the application in checkpoint, addresses and API. */
  readonly name: string
  readonly batchInterval: Duration
  /** Names and default values; a value given from outside is read as the type of its default. */
  readonly params?: D
}

export interface BuildOptions {
  /** Partitions of shuffles and states that name no number. Default 16. */
  readonly partitions?: number
  /** Most bytes one action may bring to one process. Default 64 MiB. */
  readonly collectBytesMax?: number
  /** Digest of all the program's code; default: of its function alone. */
  readonly code?: string
}

/** Describes a program. Throws `MR_GRAPH_INVALID` for a name or interval that cannot be. */
export function defineApp<
  const D extends Readonly<Record<string, ParamValue>> = Readonly<Record<string, never>>,
>(options: AppOptions<D>, build: (ssc: StreamingContext, params: Infer<D>) => void): App<Infer<D>> {
  const place = callPlace('defineApp')
  const { name, batchInterval } = checkOptions('defineApp', options, place)
  if (typeof name !== 'string' || name === '' || name.includes('/')) {
    throw invalid(place, `the name must be a text without "/", not ${JSON.stringify(name)}`)
  }
  if (!Number.isSafeInteger(batchInterval) || batchInterval < 1) {
    throw invalid(place, `the batch interval must be at least 1 ms, not ${String(batchInterval)}`)
  }
  const describe: (ssc: StreamingContext, params: Infer<D>) => unknown = build
  const params = (given: Readonly<Record<string, ParamValue>>): Infer<D> =>
    readParams(options.params, given, place)
  return {
    kind: 'millrace.app',
    name,
    batchInterval,
    defaults: params({}),
    place,
    code: digestOf(build.toString()),
    program: (ssc, given) => {
      const built = describe(ssc, params(given))
      if (isPromise(built)) throw asyncBody(place, built)
    },
  }
}

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'

/** What the rest of such a function does or throws comes too late to be heard. */
function asyncBody(place: Place, built: PromiseLike<unknown>): MillraceError {
  built.then(
    () => undefined,
    () => undefined,
  )
  return invalid(
    place,
    "the program's function must not be async: it describes the graph, which is complete when it " +
      'returns; await what it needs at the top level of its module',
  )
}

/** Whether something that a module exports is a program. */
export function isApp(value: unknown): value is App<unknown> {
  return (
    typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'millrace.app'
  )
}

/**
 * Runs the program's function and closes its graph. Throws `MR_GRAPH_INVALID` for a graph that
 * cannot run, and `MR_PROGRAM_BUILD_FAILED` for an error of the program's own.
 */
export function buildGraph(
  app: App<unknown>,
  params: Readonly<Record<string, ParamValue>> = {},
  options: BuildOptions = {},
): Graph {
  const builder = new GraphBuilder({
    application: app.name,
    batchInterval: app.batchInterval,
    partitions: checkPartitions(options.partitions ?? PARTITIONS_DEFAULT, app.place),
    collectBytesMax: options.collectBytesMax ?? COLLECT_BYTES_MAX,
  })
  try {
    app.program(makeContext(builder), params)
  } catch (error) {
    throw isMillraceError(error) ? error : buildFailed(app, error)
  }
  builder.seal()
  const given = Object.entries(params).sort(([a], [b]) => (a < b ? -1 : 1))
  const identity = { code: options.code ?? app.code, params: digestOf(JSON.stringify(given)) }
  return new Graph(builder, app.place, identity)
}

const DIGEST_CHARACTERS = 16

const digestOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARACTERS)

function buildFailed(app: App<unknown>, error: unknown): MillraceError {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const location = locationIn(stack) ?? app.place.location
  const where = location === undefined ? '' : ` at ${location}`
  return new MillraceError(
    'MR_PROGRAM_BUILD_FAILED',
    `the program '${app.name}' failed while it was built${where}: ${messageOf(error)}`,
    { cause: error, details: { operator: 'defineApp', place: location, stack } },
  )
}
