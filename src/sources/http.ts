/**
 * Records by HTTP: its own small server on its own port, apart from the admin API. What a POST does
 * is in `http-ingest.ts`, what it is answered in `http-server.ts`; here are its start, its
 * parameters and its end.
 *
 * An acknowledged POST is on disk; one that a producer numbers is counted exactly once. On `stop`
 * the requests under way are answered, within `GRACE_MS`; after that their connections are dropped,
 * and their clients send again.
 */
import { messageOf, MillraceError } from '../base/errors.ts'
import type { InputShape } from '../dstream/shape.ts'
import type { ReceiverHandle } from '../receiver/receiver.ts'
import { superviseReceiver } from '../receiver/supervisor.ts'
import { pause, untilAborted } from '../receiver/waiting.ts'
import { integerParameter, type SourceContext, textParameter } from './context.ts'
import { Ingest } from './http-ingest.ts'
import {
  BODY_BYTES_MAX,
  createHttpServer,
  type HttpLimits,
  type HttpServer,
} from './http-server.ts'

const GRACE_MS = 5000

/** Parameters: `port` (0 asks for a free one), `host` (127.0.0.1), `path` (`/`). */
export function httpReceiver(
  input: InputShape,
  context: SourceContext,
  limits: HttpLimits = {},
): ReceiverHandle {
  const host = textParameter(input, 'host', '127.0.0.1')
  const port = integerParameter(input, 'port', [0, 65_535])
  const path = textParameter(input, 'path', '/')
  if (!/^\/[\w\-./~]*$/.test(path)) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `input '${input.uid}': path must begin with '/' and be made of ` +
        `letters, digits and - . _ ~ /, not '${path}'`,
      { details: { uid: input.uid, parameter: 'path' } },
    )
  }
  return superviseReceiver(context.host, {
    startWaits: true,
    onEvent: context.onEvent,
    live: async (signal, started) => {
      const server = createHttpServer({
        ...limits,
        bodyBytesMax: Math.min(limits.bodyBytesMax ?? BODY_BYTES_MAX, context.sink.blockBytesMax),
        path,
        ingest: new Ingest(context.sink),
        openFilesMax: context.host.net.openFilesMax,
        onError: (error) => {
          context.onEvent({
            kind: 'error',
            code: 'MR_RECEIVER_FAILED',
            message: `answering a POST: ${String(error)}`,
            cause: error,
          })
        },
      })
      try {
        started(await listening(server, host, port))
        await untilAborted(signal)
      } finally {
        await close(server, context)
      }
      return 'stopped'
    },
  })
}

async function listening(server: HttpServer, host: string, port: number): Promise<string> {
  try {
    return await server.listen(host, port)
  } catch (error) {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    const why = taken ? 'the port is taken by another process' : messageOf(error)
    throw new MillraceError(
      taken ? 'MR_ADDRESS_IN_USE' : 'MR_SOURCE_UNAVAILABLE',
      `cannot listen on ${host}:${String(port)}: ${why}`,
      { cause: error },
    )
  }
}

async function close(server: HttpServer, { host }: SourceContext): Promise<void> {
  const closed = new AbortController()
  const grace = pause(host.clock, GRACE_MS, closed.signal).then(() => {
    if (!closed.signal.aborted) server.dropAll()
  })
  try {
    await server.close()
  } finally {
    closed.abort()
    await grace
  }
}
