/**
 * Lines of text from a TCP server: connects, reads until the input ends or breaks, and connects
 * again after a pause.
 *
 * The protocol has no acknowledgement: what lies between the peer's socket and the log is lost in a
 * crash, and nothing is ever asked for twice (at most once on that stretch). Pressure goes back by
 * not reading. At the end of a life, whether the peer ended, broke or `stop` was called, all whole
 * lines that were read are handed over; an unterminated last line is a line when the peer ended in
 * order, and is left out when the connection broke inside it.
 */
import { isMillraceError, messageOf, MillraceError } from '../base/errors.ts'
import type { InputShape } from '../dstream/shape.ts'
import type { Connection } from '../host/host.ts'
import { BlockGenerator } from '../receiver/block-generator.ts'
import { LineCutter } from '../receiver/line-cutter.ts'
import type { ReceiverHandle } from '../receiver/receiver.ts'
import { LINE_BYTES_MAX } from '../receiver/text-lines.ts'
import { Rejections } from '../receiver/rejections.ts'
import { superviseReceiver } from '../receiver/supervisor.ts'
import { integerParameter, type SourceContext, textParameter } from './context.ts'

export function socketTextReceiver(input: InputShape, context: SourceContext): ReceiverHandle {
  const host = textParameter(input, 'host')
  const port = integerParameter(input, 'port', [1, 65_535])
  return superviseReceiver(context.host, {
    onEvent: context.onEvent,
    live: async (signal, started) => {
      const connection = await connected(context, { host, port }, signal)
      const hangUp = (): void => {
        connection.destroy()
      }
      signal.addEventListener('abort', hangUp, { once: true })
      try {
        if (signal.aborted) return 'stopped'
        started()
        const end = await receive(connection, context, signal)
        if (end === 'stopped') return end
        throw new MillraceError('MR_SOURCE_UNAVAILABLE', end)
      } finally {
        signal.removeEventListener('abort', hangUp)
        connection.destroy()
      }
    },
  })
}

async function connected(
  { host }: SourceContext,
  to: { readonly host: string; readonly port: number },
  signal: AbortSignal,
): Promise<Connection> {
  try {
    return await host.net.connect(to, signal)
  } catch (error) {
    if (signal.aborted) throw error
    throw unavailable(`cannot connect to ${to.host}:${String(to.port)}: ${whyOf(error)}`, error)
  }
}

/** Several addresses of one name fail together, and then the error of the group says nothing. */
function whyOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(messageOf).join(', ')
  }
  return messageOf(error)
}

const unavailable = (message: string, cause: unknown): MillraceError =>
  new MillraceError('MR_SOURCE_UNAVAILABLE', message, { cause })

/** Resolves with the reason of the end, after all that was read is durable. */
async function receive(
  connection: Connection,
  { host, sink, onEvent }: SourceContext,
  signal: AbortSignal,
): Promise<string> {
  const rejections = new Rejections(host.clock, onEvent)
  const generator = new BlockGenerator(sink, {
    onFailure: () => {
      connection.destroy()
    },
  })
  const cutter = new LineCutter({
    lineBytesMax: Math.min(LINE_BYTES_MAX, sink.blockBytesMax - 1),
    onRejected: (reason, count) => {
      rejections.add(reason, count)
    },
  })
  try {
    for (;;) {
      const piece = await connection.read()
      for (const lines of piece === undefined ? cutter.end() : cutter.push(piece)) {
        await generator.push(lines)
      }
      if (piece === undefined) return `${connection.remote} ended the connection`
    }
  } catch (error) {
    if (signal.aborted) return 'stopped'
    if (isMillraceError(error)) throw error
    throw unavailable(`the connection to ${connection.remote} broke: ${messageOf(error)}`, error)
  } finally {
    rejections.flush()
    // Its own failure goes before that of the connection, which may only follow from it.
    await generator.drain()
  }
}
