/**
 * Asks a running server for a backup: one request over HTTP/1.0, whose answer ends with the
 * connection, read line by line.
 */
import { isErrorCode, MillraceError, messageOf } from '../base/errors.ts'
import { utf8 } from '../base/bytes.ts'
import type { Connection, Network } from '../host/host.ts'

export interface BackupLine {
  readonly kind: string
  readonly [field: string]: unknown
}

const CONNECT_MS = 10_000

/**
 * The last line of the answer. Throws what the server refused with, and `MR_ADMIN_UNREACHABLE`
 * where it does not answer, or ends in between.
 */
export async function askForBackup(
  host: {
    readonly net: Network
    readonly clock: { sleep(ms: number, s?: AbortSignal): Promise<void> }
  },
  adminUrl: string,
  request: { readonly target: string; readonly id: string },
  onLine: (line: BackupLine) => void,
): Promise<BackupLine> {
  const connection = await connect(host, adminUrl)
  try {
    const body = JSON.stringify(request)
    const head = [
      'POST /backup HTTP/1.0',
      `Host: ${new URL(adminUrl).host}`,
      'Content-Type: application/json',
      `Content-Length: ${String(utf8(body).length)}`,
    ]
    await connection.write(utf8(`${head.join('\r\n')}\r\n\r\n${body}`))
    let last: BackupLine | undefined
    let status: number | undefined
    for await (const line of linesOf(connection, adminUrl)) {
      status ??= Number(/^HTTP\/1\.\d (\d{3})/.exec(line)?.[1] ?? 0)
      last = parse(line) ?? last
      if (last !== undefined) onLine(last)
    }
    if (last?.kind === 'done') return last
    throw refusal(last, adminUrl)
  } finally {
    connection.destroy()
  }
}

async function connect(
  host: Parameters<typeof askForBackup>[0],
  adminUrl: string,
): Promise<Connection> {
  const timer = new AbortController()
  const { hostname, port } = new URL(adminUrl)
  const late = host.clock.sleep(CONNECT_MS, timer.signal).then(
    () => {
      throw new Error(`no connection within ${String(CONNECT_MS)} ms`)
    },
    () => new Promise<never>(() => undefined),
  )
  try {
    const to = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) }
    return await Promise.race([host.net.connect(to), late])
  } catch (error) {
    throw unreachable(adminUrl, messageOf(error), error)
  } finally {
    timer.abort()
  }
}

async function* linesOf(connection: Connection, adminUrl: string): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for (;;) {
      const piece = await connection.read()
      if (piece === undefined) break
      rest += decoder.decode(piece, { stream: true })
      const lines = rest.split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch (error) {
    throw unreachable(adminUrl, messageOf(error), error)
  }
  if (rest !== '') yield rest
}

function parse(line: string): BackupLine | undefined {
  if (!line.startsWith('{')) return undefined
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null) return undefined
  return { kind: 'failed', ...value }
}

function refusal(last: BackupLine | undefined, adminUrl: string): MillraceError {
  const code = last?.['code']
  const message = last?.['message']
  if (last?.kind === 'failed' && typeof code === 'string' && isErrorCode(code)) {
    return new MillraceError(code, typeof message === 'string' ? message : '')
  }
  return unreachable(adminUrl, 'it ended before the backup was complete; nothing of it stays')
}

const unreachable = (adminUrl: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    'MR_ADMIN_UNREACHABLE',
    `the server's admin API at ${adminUrl} does not answer: ${why}`,
    { cause, details: { adminUrl } },
  )
