/** Runs vectors, each in every way it has to pass, and adds up what came of them. */
import { constructionError } from './app.ts'
import { UnknownFunction } from './functions.ts'
import { functionFaults, faults, type VectorRun } from './judge.ts'
import { unknownPart } from './pipeline.ts'
import { translationOf } from './scenarios.ts'
import { functionOf } from './time-functions.ts'
import { textOf, type Vector } from './vector.ts'

export type Outcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly why: readonly string[] }
  | { readonly kind: 'skipped'; readonly reason: string }

/** One way to run a pipeline: inline, or on executor processes. */
export interface Way {
  readonly name: string
  run(vector: Vector): Promise<VectorRun>
}

export async function runVector(vector: Vector, ways: readonly Way[]): Promise<Outcome> {
  const translated = translationOf(vector.id)
  if (translated !== undefined) return { kind: 'skipped', reason: translated }
  switch (vector.kind) {
    case 'function':
      return runFunction(vector)
    case 'dataflow':
    case 'dataflow-error':
    case 'recovery':
      return await runPipeline(vector, ways)
    case 'scenario':
      return { kind: 'skipped', reason: 'a scenario that is not translated yet' }
    case 'stateful-function':
    case 'property':
      return { kind: 'skipped', reason: `kind '${vector.kind}' is not built yet` }
  }
}

function runFunction(vector: Vector): Outcome {
  const name = textOf(vector.op['fn'], 'fn')
  const f = functionOf(name)
  if (f === undefined) return { kind: 'skipped', reason: `function '${name}' is not built yet` }
  return outcome(functionFaults(vector, f(vector.input)))
}

async function runPipeline(vector: Vector, ways: readonly Way[]): Promise<Outcome> {
  const unknown = unknownPart(vector) ?? unknownFunction(vector)
  if (unknown !== undefined) return { kind: 'skipped', reason: unknown }
  const why: string[] = []
  for (const way of ways) {
    const found = faults(vector, await way.run(vector))
    why.push(...found.map((fault) => `${way.name}: ${fault}`))
  }
  return outcome(why)
}

/** A function this vocabulary does not have shows when the graph is built. */
function unknownFunction(vector: Vector): string | undefined {
  const thrown = constructionError(vector)?.thrown
  const cause: unknown = thrown instanceof Error ? thrown.cause : undefined
  return cause instanceof UnknownFunction ? `${cause.message} is not built yet` : undefined
}

const outcome = (why: readonly string[]): Outcome =>
  why.length === 0 ? { kind: 'passed' } : { kind: 'failed', why }

export interface Tally {
  readonly passed: readonly string[]
  readonly failed: readonly string[]
  /** Ids by reason. */
  readonly skipped: ReadonlyMap<string, readonly string[]>
}

export function tally(outcomes: readonly (readonly [id: string, Outcome])[]): Tally {
  const passed: string[] = []
  const failed: string[] = []
  const skipped = new Map<string, string[]>()
  for (const [id, found] of outcomes) {
    if (found.kind === 'passed') passed.push(id)
    else if (found.kind === 'failed') failed.push(id)
    else skipped.set(found.reason, [...(skipped.get(found.reason) ?? []), id])
  }
  return { passed, failed, skipped }
}

/**
 * The report's end: the ids behind each number, then `N passed, N failed, N skipped` as the last
 * line.
 */
export function tallyLines({ passed, failed, skipped }: Tally): string[] {
  const count = [...skipped.values()].reduce((sum, ids) => sum + ids.length, 0)
  return [
    ...(passed.length > 0 ? [`passed: ${ranges(passed)}`] : []),
    ...(failed.length > 0 ? [`failed: ${failed.join(' ')}`] : []),
    ...[...skipped].map(([reason, ids]) => `skipped (${reason}): ${ids.join(' ')}`),
    `${String(passed.length)} passed, ${String(failed.length)} failed, ${String(count)} skipped`,
  ]
}

/** `file#001 #002 …`: the file named once for the ids that follow. */
function ranges(ids: readonly string[]): string {
  let file = ''
  return ids
    .map((id) => {
      const [name = '', number = ''] = id.split('#')
      if (name === file) return `#${number}`
      file = name
      return id
    })
    .join(' ')
}
