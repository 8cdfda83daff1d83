/**
 * The executor's end of the conversation with the driver: one message after the other, over any
 * channel.
 */
import { AssertionFailure, unreachable } from '../base/assert.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { Channel } from '../host/host.ts'
import { type CoreServices, ExecutorCore } from './core.ts'
import { failureOf } from './failure.ts'
import {
  decodeToExecutor,
  encodeFromExecutor,
  type FromExecutor,
  type ToExecutor,
} from './protocol.ts'

export interface ServeOptions extends Omit<CoreServices, 'send'> {
  readonly channel: Channel
  /**
   * Called once, when the executor was told to stop (its resources are closed then) or broke an
   * invariant.
   */
  readonly onEnd: (error: Error | undefined) => void
}

/** Serves a driver. Returns a function that ends it at once, for a channel that has closed. */
export function serveExecutor(options: ServeOptions): () => Promise<void> {
  const { channel, onEnd } = options
  const send = (message: FromExecutor): void => {
    try {
      channel.send(encodeFromExecutor(message))
    } catch (error) {
      if (message.kind === 'done') core.abort(message.attempt)
      channel.send(encodeFromExecutor(insteadOf(message, error)))
    }
  }
  const core = new ExecutorCore({ ...options, send })
  channel.onMessage((bytes) => {
    void handle(core, decodeToExecutor(bytes), send).then(
      (end) => {
        if (end) onEnd(undefined)
      },
      (error: unknown) => {
        send({ kind: 'crashed', error: failureOf(error, []) })
        onEnd(error instanceof Error ? error : new Error(String(error)))
      },
    )
  })
  return () => core.close()
}

/**
 * Answers one message; true when it was the last. Rejects when an invariant is broken: the process
 * must end.
 */
async function handle(
  core: ExecutorCore,
  message: ToExecutor,
  send: (message: FromExecutor) => void,
): Promise<boolean> {
  switch (message.kind) {
    case 'start':
      await orRefuse(send, async () => await core.build(message.options))
      return false
    case 'describe':
      send(core.describe())
      return false
    case 'load':
      await orRefuse(send, () => Promise.resolve(core.load(message)))
      return false
    case 'members':
      core.join(message.members)
      return false
    case 'run':
      send(await core.run(message))
      return false
    case 'committed':
      core.committed(message.attempt)
      return false
    case 'abort':
      core.abort(message.attempt)
      return false
    case 'query':
      send(core.query(message))
      return false
    case 'ping':
      send({ kind: 'pong', n: message.n })
      return false
    case 'stop':
      await core.close()
      return true
    default:
      return unreachable(message)
  }
}

/**
 * What goes wrong while the program is built or state is loaded is an answer; a broken invariant is
 * not.
 */
async function orRefuse(
  send: (message: FromExecutor) => void,
  work: () => Promise<FromExecutor>,
): Promise<void> {
  try {
    send(await work())
  } catch (error) {
    if (error instanceof AssertionFailure) throw error
    send({ kind: 'refused', error: failureOf(error, []) })
  }
}

/**
 * A reply that cannot be sent (a value that cannot be copied, a message that is too large) becomes
 * a failed one.
 */
function insteadOf(message: FromExecutor, cause: unknown): FromExecutor {
  const told = `what the program made cannot leave the executor: ${messageOf(cause)}`
  const error = failureOf(new MillraceError('MR_USER_FUNCTION_FAILED', told, { cause }), [])
  switch (message.kind) {
    case 'done':
      return { kind: 'failed', attempt: message.attempt, error }
    case 'answer':
      return { kind: 'answer', id: message.id, result: { kind: 'failed', error } }
    default:
      return { kind: 'crashed', error }
  }
}
