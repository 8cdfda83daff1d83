/** A running http source, and clients of it: by `fetch`, and by hand over a socket. */
import { connect, type Socket } from 'node:net'
import type { ReceiverHandle } from '../../src/receiver/receiver.ts'
import type { HttpLimits } from '../../src/sources/http-server.ts'
import { httpReceiver } from '../../src/sources/http.ts'
import { inputOf, sourceWorld, type SourceWorld } from './source-test.ts'

export interface Running extends SourceWorld {
  readonly handle: ReceiverHandle
  readonly url: string
}

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly headers: Headers
}

const cleanup: (() => Promise<unknown> | void)[] = []

/** What a test file calls after each test. */
export async function closeAll(): Promise<void> {
  for (const clean of cleanup.splice(0).reverse()) await clean()
}

/** To be closed after the test. */
export function closeLater(clean: () => Promise<unknown> | void): void {
  cleanup.push(clean)
}

export async function run(limits: HttpLimits = {}): Promise<Running> {
  const world = sourceWorld()
  const handle = httpReceiver(inputOf('http', { port: 0 }), world.context, limits)
  await handle.start()
  cleanup.push(async () => {
    await handle.stop()
  })
  const [started] = world.events
  const url = started?.kind === 'started' ? (started.address ?? '') : ''
  return { ...world, handle, url }
}

export async function send(url: string, init: RequestInit): Promise<Reply> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(20_000) })
  const text = await response.text()
  const body: unknown = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, body, headers: response.headers }
}

export const post = async (
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Reply> =>
  await send(url, { method: 'POST', body, headers: { 'content-type': 'text/plain', ...headers } })

export const numbered = (id: string, sequence: number | string): Record<string, string> => ({
  'producer-id': id,
  sequence: String(sequence),
})

export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  cleanup.push(() => {
    socket.destroy()
  })
  await new Promise((resolve) => socket.once('connect', resolve))
  return socket
}

export function collect(socket: Socket): Promise<string> {
  let text = ''
  return new Promise((resolve) => {
    socket.on('data', (piece) => {
      text += piece.toString()
    })
    socket.on('close', () => {
      resolve(text)
    })
  })
}

/** The whole answer to a request written by hand. */
export async function raw(url: string, request: string): Promise<string> {
  const socket = await open(url)
  const reply = collect(socket)
  socket.write(request)
  return await reply
}

export function chunked(chunks: readonly string[]): string {
  const body = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('')
  const head =
    'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n'
  return `${head}${body}0\r\n\r\n`
}

export async function untilAsync(isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 500; looks++) {
    if (await isSo()) return
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  throw new Error('waited in vain')
}
