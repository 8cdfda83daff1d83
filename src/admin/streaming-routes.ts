/** Spark's REST paths over an engine's status, and one that Spark has not: `batches/retry`. */
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import type { BatchStatus, EngineStatus } from '../engine/status.ts'
import type { EngineView } from './engine-view.ts'
import { badRequest, notFound } from './http-error.ts'
import {
  batchOf,
  batchesOf,
  formatDate,
  operationsOf,
  receiversOf,
  statisticsOf,
} from './streaming-view.ts'

const STATUSES = ['QUEUED', 'PROCESSING', 'COMPLETED', 'BLOCKED'] as const
const APPLICATIONS = '/api/v1/applications'
const STREAMING = `${APPLICATIONS}/:app/streaming`

interface AppPath {
  Params: { app: string }
}
interface IdPath {
  Params: { app: string; id: string }
}
interface OperationPath {
  Params: { app: string; id: string; opId: string }
}

export function streamingRoutes(
  server: FastifyInstance,
  engine: () => EngineView,
  now: () => number,
): void {
  const read = (): EngineStatus => engine().status()
  const application = (name: string): EngineStatus => {
    const status = read()
    if (status.application !== name) throw notFound(`unknown app: ${name}`)
    return status
  }
  server.get(APPLICATIONS, () => [applicationOf(read(), now())])
  server.get<AppPath>(`${APPLICATIONS}/:app`, ({ params }) =>
    applicationOf(application(params.app), now()),
  )
  server.get<AppPath>(`${STREAMING}/statistics`, ({ params }) =>
    statisticsOf(application(params.app)),
  )
  server.get<AppPath>(`${STREAMING}/receivers`, ({ params }) =>
    receiversOf(application(params.app)),
  )
  server.get<IdPath>(`${STREAMING}/receivers/:id`, ({ params }) => {
    const receivers = receiversOf(application(params.app))
    const found = receivers.find(({ streamId }) => String(streamId) === params.id)
    if (found === undefined) throw notFound(`unknown receiver: ${params.id}`)
    return found
  })
  server.get<AppPath & { Querystring: Record<string, unknown> }>(
    `${STREAMING}/batches`,
    ({ params, query }) => batchesOf(application(params.app), statusFilter(query['status'])),
  )
  server.post<AppPath>(`${STREAMING}/batches/retry`, async ({ params }, reply) => {
    application(params.app)
    const held = engine().retryHeld()
    if (held === undefined) throw new MillraceError('MR_NO_BATCH_HELD', 'no batch is held')
    return await reply.code(202).send({ batchId: held.time, attempts: held.attempts })
  })
  server.get<IdPath>(`${STREAMING}/batches/:id`, ({ params }) => {
    const status = application(params.app)
    return batchOf(batchAt(status, params.id), status.batchMs)
  })
  server.get<IdPath>(`${STREAMING}/batches/:id/operations`, ({ params }) =>
    operationsOf(batchAt(application(params.app), params.id)),
  )
  server.get<OperationPath>(`${STREAMING}/batches/:id/operations/:opId`, ({ params }) => {
    const operations = operationsOf(batchAt(application(params.app), params.id))
    const found = operations.find(({ outputOpId }) => String(outputOpId) === params.opId)
    if (found === undefined) throw notFound(`unknown output operation: ${params.opId}`)
    return found
  })
}

function batchAt(status: EngineStatus, id: string): BatchStatus {
  const found = status.batches.find(({ time }) => String(time) === id)
  if (found === undefined) throw notFound(`unknown batch: ${id}`)
  return found
}

/** `?status=` may be repeated. */
function statusFilter(value: unknown): readonly string[] {
  const statuses = value === undefined ? [] : [value].flat().map(String)
  const wrong = statuses.find((status) => !STATUSES.some((right) => right === status))
  if (wrong !== undefined) {
    throw badRequest(`unknown status: ${wrong} (there are ${STATUSES.join(', ')})`)
  }
  return statuses
}

/** Spark's form of an application with its one attempt. */
function applicationOf(status: EngineStatus, now: number): object {
  const completed = status.phase === 'stopped' || status.phase === 'failed'
  return {
    id: status.application,
    name: status.application,
    attempts: [
      {
        startTime: formatDate(status.startedAt),
        lastUpdated: formatDate(now),
        duration: now - status.startedAt,
        completed,
        startTimeEpoch: status.startedAt,
        lastUpdatedEpoch: now,
      },
    ],
  }
}
