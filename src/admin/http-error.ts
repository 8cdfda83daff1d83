/** Errors of the admin API: always `{code, message}`, with the status that fits the code. */
import type { Writable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { ErrorCode } from '../base/errors.ts'

const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  MR_NOT_FOUND: 404,
  MR_REQUEST_INVALID: 400,
  MR_NO_BATCH_HELD: 409,
  MR_KEY_INVALID: 400,
  MR_STATE_INVALID: 503,
  MR_EXECUTOR_DIED: 503,
  MR_EXECUTOR_HUNG: 503,
  MR_PRESSURE: 503,
  MR_CONFIG_INVALID: 400,
  MR_TARGET_EXISTS: 409,
  MR_DIRECTORY_FOREIGN: 409,
  MR_DISK_FULL: 507,
}

export const notFound = (message: string): MillraceError =>
  new MillraceError('MR_NOT_FOUND', message)

export const badRequest = (message: string): MillraceError =>
  new MillraceError('MR_REQUEST_INVALID', message)

export function answerErrors(app: FastifyInstance): void {
  app.setNotFoundHandler(async (request, reply) => {
    const message = `there is no ${request.method} ${request.url.slice(0, 200)}`
    await reply.code(404).send({ code: 'MR_NOT_FOUND', message })
  })
  app.setErrorHandler(async (error, _request, reply) => {
    if (error instanceof MillraceError) {
      const body = { code: error.code, message: error.message }
      await reply.code(STATUS[error.code] ?? 500).send(body)
      return
    }
    // What the HTTP library refuses (a broken request) carries its own status.
    const status = statusOf(error)
    const code: ErrorCode = status < 500 ? 'MR_REQUEST_INVALID' : 'MR_INTERNAL'
    await reply.code(status).send({ code, message: messageOf(error) })
  })
}

/** A path that leads nowhere because it cannot be read. */
export function answerUnroutable(
  error: Error,
  _request: FastifyRequest,
  reply: FastifyReply,
): void {
  void reply.code(400).send({ code: 'MR_REQUEST_INVALID', message: messageOf(error) })
}

const HEADERS_TOO_LARGE = 'HPE_HEADER_OVERFLOW'

/** What was no request that could be read to its end: the answer is written by hand. */
export function answerUnreadable(error: Error, socket: Writable & { writable: boolean }): void {
  const tooLarge = 'code' in error && error.code === HEADERS_TOO_LARGE
  const status = tooLarge ? '431 Request Header Fields Too Large' : '400 Bad Request'
  const message = tooLarge ? 'path and headers are too long' : messageOf(error)
  const body = JSON.stringify({ code: 'MR_REQUEST_INVALID', message })
  if (!socket.writable) return
  const length = String(Buffer.byteLength(body))
  const headers = `content-type: application/json\r\ncontent-length: ${length}`
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\n${headers}\r\n\r\n${body}`)
}

function statusOf(error: unknown): number {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return 500
  const { statusCode } = error
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 600 ? statusCode : 500
}
