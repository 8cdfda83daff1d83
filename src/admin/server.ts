/**
 * The admin API: health, metrics, Spark's streaming REST paths, state; besides reading it only
 * writes backups. It listens on a loopback address and answers only requests that were addressed to
 * one, so that no page in a browser can reach it by a name of its own.
 */
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../base/errors.ts'
import { pinWords } from '../blocks/pins.ts'
import { roomWords } from '../blocks/retention.ts'
import type { Clock } from '../host/host.ts'
import { backupRoute } from './backup-route.ts'
import type { EngineView, LateEngineView } from './engine-view.ts'
import { readinessOf, startupOf } from './health.ts'
import { answerErrors, answerUnreadable, answerUnroutable } from './http-error.ts'
import { createMetrics } from './metrics.ts'
import { stateRoutes } from './state-routes.ts'
import { streamingRoutes } from './streaming-routes.ts'

const OBSERVE_EVERY_MS = 1000
const CONNECTION_TIMEOUT_MS = 30_000
const BODY_BYTES_MAX = 16 * 1024
/** Beyond it they are closed as they come: they must not take the files of the engine. */
const CONNECTIONS_MAX = 64
/** Room for a key of 64 KiB in a path, percent-encoded. */
const PARAMETER_CHARACTERS_MAX = 200_000
/** For such a path and the other headers. */
const HEADER_BYTES_MAX = PARAMETER_CHARACTERS_MAX + 16 * 1024

export interface AdminOptions {
  /** A loopback address. */
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly clock: Clock
  /** Undefined until the engine has been made. */
  readonly engine: LateEngineView
}

export interface AdminServer {
  /** `http://127.0.0.1:4040` */
  readonly url: string
  close(): Promise<void>
}

/**
 * Throws `MR_CONFIG_INVALID` for an address that is not loopback, `MR_ADDRESS_IN_USE` for a port
 * that is taken.
 */
export async function startAdminServer(options: AdminOptions): Promise<AdminServer> {
  const { host, port } = options
  if (!isLoopback(host)) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `admin.host ${host}: the admin API has no authentication and listens on loopback only ` +
        '(127.0.0.1, ::1, localhost); put a proxy with authentication before it',
    )
  }
  const { server, close } = createAdminApp(options)
  try {
    const url = await server.listen({ host, port })
    return { url, close }
  } catch (error) {
    await close()
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new MillraceError(
      'MR_ADDRESS_IN_USE',
      `port ${String(port)} of ${host} is taken: stop what uses it, or choose another with ` +
        '--admin-port (0 takes a free one)',
      { cause: error },
    )
  }
}

/** The server without a socket: tests send requests straight into it. */
export function createAdminApp(options: AdminOptions): {
  readonly server: FastifyInstance
  readonly close: () => Promise<void>
} {
  const { clock, engine } = options
  const server = Fastify({
    bodyLimit: BODY_BYTES_MAX,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    requestTimeout: CONNECTION_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: HEADER_BYTES_MAX },
    clientErrorHandler: answerUnreadable,
    frameworkErrors: answerUnroutable,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
  })
  server.server.maxConnections = CONNECTIONS_MAX
  server.addHook('onRequest', async (request, reply) => {
    if (isLoopback(request.hostname) && isOwn(request.headers.origin)) return
    const message =
      'address the admin API by 127.0.0.1, ::1 or localhost, and not from a page of another site'
    await reply.code(403).send({ code: 'MR_REQUEST_INVALID', message })
  })
  answerErrors(server)
  healthRoutes(server, engine, clock)
  const metrics = createMetrics(() => engine()?.status())
  server.get('/metrics', async (_request, reply) => {
    const text = await metrics.text()
    return await reply.type(metrics.contentType).send(text)
  })
  const made = (): EngineView => {
    const view = engine()
    if (view !== undefined) return view
    throw new MillraceError('MR_STATE_INVALID', 'the server is still starting; see /startupz')
  }
  streamingRoutes(server, made, () => clock.now())
  server.get('/log', () => {
    const { log } = made().status()
    const room = roomWords(log.quotaBytes - log.pinnedBytes, log.bytesPerSecond)
    return { ...log, pinnedBy: log.pins.map((pin) => pinWords(pin)), room }
  })
  stateRoutes(server, made, clock)
  backupRoute(server, made, clock)
  const stopObserving = clock.every(OBSERVE_EVERY_MS, () => {
    metrics.observe()
  })
  const close = async (): Promise<void> => {
    stopObserving()
    await server.close()
  }
  return { server, close }
}

function healthRoutes(server: FastifyInstance, engine: LateEngineView, clock: Clock): void {
  server.get('/livez', () => ({ alive: true }))
  server.get('/readyz', async (_request, reply) => {
    const readiness = readinessOf(engine()?.status(), clock.now())
    return await reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
  server.get('/startupz', async (_request, reply) => {
    const startup = startupOf(engine()?.status())
    return await reply.code(startup.started ? 200 : 503).send(startup)
  })
}

/** A page of another site may send a POST here without being asked: it says where it is from. */
function isOwn(origin: string | undefined): boolean {
  if (origin === undefined) return true
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname)
}

const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/.test(host.toLowerCase())
