/**
 * The HTTP side of the `http` source: limits, refusals and answers around `Ingest`.
 *
 *   200  {"records":n}: durable; {"duplicate":true}: was durable before
 *   400  not UTF-8, or wrong headers        413  the body or a line is too long
 *   405  not a POST                         415  another type, charset or encoding
 *   409  a gap in a producer's numbers      429  pressure: try again
 *                                           503  log full, or stopping: try again
 *
 * Every refusal has {code, message}; 429 and 503 have Retry-After, and nothing of such a POST was
 * stored, unless a 503 came from a log that failed: then only a numbered POST can be sent again
 * without being counted twice.
 *
 * Invariant: bodies in memory are bounded by `bodiesBytesMax`, whatever the number of clients.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { messageOf } from '../base/errors.ts'
import { LINE_BYTES_MAX } from '../receiver/text-lines.ts'
import { BodyBudget, type Reservation } from './body-budget.ts'
import { readForm, readLines, readNumbering, refuse, type Refusal } from './http-body.ts'
import type { Answer, Ingest } from './http-ingest.ts'

export interface HttpLimits {
  /** Longest body in bytes; 8 MiB by default. */
  readonly bodyBytesMax?: number
  /** Longest line in bytes, without its end; 1 MiB by default. */
  readonly lineBytesMax?: number
  /** All bodies in memory at once, in bytes; 64 MiB by default. */
  readonly bodiesBytesMax?: number
}

export interface HttpServerOptions extends HttpLimits {
  readonly path: string
  readonly ingest: Ingest
  /** `Network.openFilesMax` */
  readonly openFilesMax?: number | undefined
  /** An error that is no answer to anybody's request. */
  readonly onError: (error: unknown) => void
}

export const BODY_BYTES_MAX = 8 * 1024 * 1024
const BODIES_BYTES_MAX = 64 * 1024 * 1024
const BODIES_MAX = 1024
const CONNECTIONS_MAX = 4096
/** Of what the process may open: log, stores and executors need the rest, and other inputs. */
const CONNECTIONS_SHARE = 1 / 4
const REQUEST_TIMEOUT_MS = 60_000
const RETRY_AFTER_SECONDS = 1

export interface HttpServer {
  /** Resolves with the URL in use. */
  listen(host: string, port: number): Promise<string>
  /** From now on every new request is answered 503. Resolves when those under way are answered. */
  close(): Promise<void>
  /** Drops the connections that are still there. */
  dropAll(): void
}

export function createHttpServer(options: HttpServerOptions): HttpServer {
  const app = Fastify({
    logger: false,
    bodyLimit: options.bodyBytesMax ?? BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
  })
  app.server.maxConnections = connectionsMax(options.openFilesMax)
  const gate = new Gate(options)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body)
  })
  app.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.url} here: records are sent by POST to ${options.path}`
    send(refuse(404, 'MR_NOT_FOUND', message), reply)
  })
  app.setErrorHandler((error, _request, reply) => sendError(error, reply, options))
  addRoutes(app, options, gate)
  return {
    listen: async (host, port) => {
      const url = new URL(options.path, await app.listen({ host, port }))
      return url.href
    },
    close: async () => {
      gate.stopping = true
      await app.close()
    },
    dropAll: () => {
      app.server.closeAllConnections()
    },
  }
}

/** Connections beyond it are closed as they come. */
export const connectionsMax = (openFilesMax = Infinity): number =>
  Math.max(1, Math.min(CONNECTIONS_MAX, Math.floor(openFilesMax * CONNECTIONS_SHARE)))

function addRoutes(app: FastifyInstance, options: HttpServerOptions, gate: Gate): void {
  app.route({
    method: 'POST',
    url: options.path,
    onRequest: (request, reply, next) => {
      const refusal = gate.enter(request, reply)
      if (refusal === undefined) next()
      else send(refusal, reply)
    },
    handler: async (request, reply) => {
      const leave = gate.work(request)
      try {
        send(await answer(request, options), reply)
      } finally {
        leave()
      }
      return await reply
    },
  })
  app.route({
    method: app.supportedMethods.filter((method) => method !== 'POST'),
    url: options.path,
    handler: (_request, reply) =>
      send(
        refuse(405, 'MR_REQUEST_INVALID', 'records are sent by POST'),
        reply.header('allow', 'POST'),
      ),
  })
}

/** Lets a body in, or says why not, before any of it is read. */
class Gate {
  stopping = false
  readonly #ingest: Ingest
  readonly #bodyBytesMax: number
  readonly #budget: BodyBudget
  readonly #reservations = new WeakMap<object, Reservation>()

  constructor(options: HttpServerOptions) {
    this.#ingest = options.ingest
    this.#bodyBytesMax = options.bodyBytesMax ?? BODY_BYTES_MAX
    this.#budget = new BodyBudget({
      bytesMax: Math.max(options.bodiesBytesMax ?? BODIES_BYTES_MAX, this.#bodyBytesMax),
      countMax: BODIES_MAX,
    })
  }

  enter(request: FastifyRequest, reply: FastifyReply): Refusal | undefined {
    if (this.stopping) return refuse(503, 'MR_PRESSURE', 'this source is stopping')
    if (this.#ingest.paused) return refuse(429, 'MR_PRESSURE', 'the log is full for now')
    const form = readForm(request.headers)
    if (form.kind === 'refused') return form
    const numbering = readNumbering(request.headers)
    if (numbering.kind === 'refused') return numbering
    const reservation = this.#budget.reserve(this.#bytesOf(request))
    if (reservation === undefined) {
      return refuse(429, 'MR_PRESSURE', 'too many bodies are waiting to be stored')
    }
    this.#reservations.set(request, reservation)
    reply.raw.once('close', () => {
      reservation.release()
    })
    return undefined
  }

  /**
   * A body in chunks may be of any length; one announced as too long is refused before it is read.
   */
  #bytesOf({ headers }: FastifyRequest): number {
    const length = headers['content-length']
    if (length === undefined && headers['transfer-encoding'] === undefined) return 0
    const announced = Number(length ?? NaN)
    return announced <= this.#bodyBytesMax ? announced : this.#bodyBytesMax
  }

  /**
   * The body stays counted until the returned function is called, even when its client has gone.
   */
  work(request: FastifyRequest): () => void {
    const reservation = this.#reservations.get(request)
    reservation?.hold()
    return () => reservation?.release()
  }
}

async function answer(request: FastifyRequest, options: HttpServerOptions): Promise<Answer> {
  const form = readForm(request.headers)
  if (form.kind === 'refused') return form
  const numbering = readNumbering(request.headers)
  if (numbering.kind === 'refused') return numbering
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  const read = readLines(body, form.form, options.lineBytesMax ?? LINE_BYTES_MAX)
  if (read.kind === 'refused') return read
  const producer = numbering.kind === 'numbered' ? numbering.numbering : undefined
  return await options.ingest.store(read.lines, producer)
}

function send(answered: Answer, reply: FastifyReply): FastifyReply {
  switch (answered.kind) {
    case 'stored':
      return reply.send({ records: answered.records })
    case 'duplicate':
      return reply.send({ duplicate: true })
    case 'refused': {
      const { kind: _, status, ...body } = answered
      if (status === 429 || status === 503) {
        void reply.header('retry-after', String(RETRY_AFTER_SECONDS))
      }
      return reply.code(status).send(body)
    }
  }
}

/** What Fastify itself refused, in our words; anything else is a fault of ours and is told. */
function sendError(error: unknown, reply: FastifyReply, options: HttpServerOptions): FastifyReply {
  const status = statusOf(error)
  if (status === 413) {
    const limit = String(options.bodyBytesMax ?? BODY_BYTES_MAX)
    const message = `the body is over the limit of ${limit} bytes: split it into several POSTs`
    return send(refuse(413, 'MR_RECORD_TOO_LARGE', message), reply)
  }
  if (status === 400) return send(refuse(400, 'MR_REQUEST_INVALID', messageOf(error)), reply)
  options.onError(error)
  return send(refuse(503, 'MR_RECEIVER_FAILED', messageOf(error)), reply)
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}
