/**
 * `POST /backup` {target, id?}: writes a backup and tells how far it is.
 *
 *   answer := line*    JSON a line:  {"kind":"progress","step":…,"done":…,"total":…}
 *                      the last one: {"kind":"done","manifest":…}
 *                      or            {"kind":"failed","code":…,"message":…}
 *
 * Only a request with a JSON body and without `Origin` is taken, so that no page in a browser can
 * make one. A client that goes away ends the backup, and nothing of it stays.
 */
import { isAbsolute } from 'node:path'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { BackupProgress } from '../engine/backup/write-backup.ts'
import type { Clock } from '../host/host.ts'
import type { EngineView } from './engine-view.ts'
import { badRequest } from './http-error.ts'

/** So often at most, and at least: what stands still is told too. */
const TELL_EVERY_MS = 200

export function backupRoute(
  server: FastifyInstance,
  engine: () => EngineView,
  clock: Pick<Clock, 'every'>,
): void {
  server.post('/backup', async (request, reply) => {
    const json = request.headers['content-type']?.startsWith('application/json') === true
    if (!json || request.headers.origin !== undefined) {
      throw badRequest('a backup is asked for with a JSON body, and not from a browser')
    }
    const { target, id } = parse(request.body)
    const view = engine()
    const gone = new AbortController()
    reply.raw.on('close', () => {
      gone.abort(new MillraceError('MR_STATE_INVALID', 'whoever asked for the backup went away'))
    })
    let latest: BackupProgress | undefined
    const running = view.backup({
      target,
      id,
      signal: gone.signal,
      onProgress: (progress) => {
        latest = progress
      },
    })
    // What is refused before anything was done is an ordinary answer.
    const first = await Promise.race([running.then(toDone), begun(clock, () => latest?.step)])
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'application/x-ndjson', connection: 'close' })
    if (first !== undefined) {
      reply.raw.end(`${JSON.stringify(first)}\n`)
      return
    }
    await tell(reply, clock, () => latest, running.then(toDone, toFailed))
  })
}

const toDone = (manifest: object): object => ({
  kind: 'done',
  manifest: { ...manifest, files: [] },
})

const toFailed = (error: unknown): object => ({
  kind: 'failed',
  code: error instanceof MillraceError ? error.code : 'MR_INTERNAL',
  message: messageOf(error),
})

/** Resolves when the backup is past what can refuse it. */
async function begun(
  clock: Pick<Clock, 'every'>,
  step: () => BackupProgress['step'] | undefined,
): Promise<undefined> {
  await new Promise<void>((resolve) => {
    let patience = 5
    const stop = clock.every(TELL_EVERY_MS, () => {
      patience -= 1
      if (patience > 0 && (step() ?? 'waiting') === 'waiting') return
      stop()
      resolve()
    })
  })
}

async function tell(
  { raw }: FastifyReply,
  clock: Pick<Clock, 'every'>,
  latest: () => BackupProgress | undefined,
  ended: Promise<object>,
): Promise<void> {
  const stop = clock.every(TELL_EVERY_MS, () => {
    if (!raw.destroyed) raw.write(`${JSON.stringify({ kind: 'progress', ...latest() })}\n`)
  })
  try {
    const last = await ended
    raw.end(`${JSON.stringify(last)}\n`)
  } finally {
    stop()
  }
}

function parse(body: unknown): { readonly target: string; readonly id: string | undefined } {
  const { target, id } = { target: undefined, id: undefined, ...Object(body) } as {
    readonly target: unknown
    readonly id: unknown
  }
  if (typeof target !== 'string' || !isAbsolute(target)) {
    throw badRequest('target must be an absolute path')
  }
  if (id !== undefined && typeof id !== 'string') throw badRequest('id must be a text')
  return { target, id }
}
