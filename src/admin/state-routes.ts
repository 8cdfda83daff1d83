/** `GET /state/:uid/:key`: the committed value of one key, which is JSON in the path. */
import type { FastifyInstance } from 'fastify'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { Clock } from '../host/host.ts'
import type { EngineView } from './engine-view.ts'
import { badRequest, notFound } from './http-error.ts'
import { valueToJson } from './value-json.ts'

/**
 * An executor that computes answers between chunks of work; one that does not answer so long hangs.
 */
const QUERY_TIMEOUT_MS = 10_000
const QUERIES_MAX = 64

interface StatePath {
  Params: { uid: string; key: string }
}

export function stateRoutes(
  server: FastifyInstance,
  engine: () => EngineView,
  clock: Pick<Clock, 'sleep'>,
): void {
  let asking = 0
  server.get<StatePath>('/state/:uid/:key', async ({ params }) => {
    const key = parseKey(params.key)
    const view = engine()
    if (asking >= QUERIES_MAX) {
      throw new MillraceError('MR_PRESSURE', `${String(QUERIES_MAX)} queries are under way already`)
    }
    asking += 1
    try {
      return await ask(view, params.uid, key, clock)
    } finally {
      asking -= 1
    }
  })
}

async function ask(
  view: EngineView,
  uid: string,
  key: unknown,
  clock: Pick<Clock, 'sleep'>,
): Promise<{ key: unknown; value: unknown }> {
  const timer = new AbortController()
  const late = clock.sleep(QUERY_TIMEOUT_MS, timer.signal).then(
    () => 'late' as const,
    () => 'late' as const,
  )
  try {
    const answer = await Promise.race([view.queryState(uid, key), late])
    if (answer === 'late') {
      throw new MillraceError(
        'MR_EXECUTOR_HUNG',
        `no answer within ${String(QUERY_TIMEOUT_MS)} ms: the executor is busy, try again`,
      )
    }
    switch (answer.kind) {
      case 'found':
        return { key, value: valueToJson(answer.value) }
      case 'absent':
        throw notFound(`state '${uid}' has no key ${JSON.stringify(key).slice(0, 200)}`)
      case 'unknownState':
        throw notFound(`unknown state: ${uid} (${statesOf(view)})`)
    }
  } finally {
    timer.abort()
  }
}

function statesOf(view: EngineView): string {
  const uids = view.status().states.map(({ uid }) => uid)
  return uids.length === 0 ? 'the program has none' : `there are ${uids.join(', ')}`
}

function parseKey(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw badRequest(
      `the key must be JSON, such as %22word%22 or 42 or [%22a%22,1]: ${messageOf(error)}`,
    )
  }
}
