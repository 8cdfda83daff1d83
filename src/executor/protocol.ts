/**
 * What driver and executor say to each other over their channel: `v8.serialize` of one record with
 * a `kind`.
 *
 *   driver                              executor
 *   start                          ─►   built | refused
 *   describe                       ─►   described
 *   load (pieces of one partition) ─►   loaded | refused          one reply for each message
 *   members                        ─►   (no reply)
 *   run                            ─►   progress* then done | failed
 *   abort                          ─►   (the attempt ends with failed, MR_ATTEMPT_ABORTED)
 *   committed                      ─►   (no reply)
 *   query                          ─►   answer
 *   ping                           ─►   pong
 *   stop                           ─►   (closes resources and exits)
 *                                       crashed: an error nobody caught; the process ends
 *
 * Messages arrive in the order they were sent, so a query after `committed` sees the commit. Every
 * message about an attempt carries its number; one of an old attempt is ignored.
 */
import { deserialize, serialize } from 'node:v8'
import { ERROR_CODES, type ErrorCode, MillraceError, messageOf } from '../base/errors.ts'
import type { Failure } from './attempt.ts'
import {
  anything,
  bytes,
  type Check,
  type Checked,
  count,
  flag,
  list,
  maybe,
  record,
  table,
  text,
  union,
} from './checks.ts'
import { place } from './shape-text.ts'

const member = record({ rank: count, incarnation: count, path: text })
/** How to reach an executor: `incarnation` differs for every process that ever had the rank. */
export type Member = Checked<typeof member>

const start = record({
  rank: count,
  size: count,
  incarnation: count,
  /** `code`: digest of all its code, where it is known. */
  program: record({ bundle: text, exportName: maybe(text), code: maybe(text) }),
  params: table(text),
  /** Partitions of shuffles, of new states and of receiver input. */
  partitions: count,
  logDirectory: text,
  workingDirectory: text,
  /** Where sockets are made; undefined when there are no peers. */
  scratch: maybe(text),
  secret: bytes,
  exchangeTimeoutMs: count,
})
export type StartOptions = Checked<typeof start>

const ref = record({ position: count, segment: count, offset: count, length: count, epoch: count })
const input = union({
  blocks: { streamId: count, refs: list(ref) },
  range: { streamId: count, from: count, until: count },
})
const piece = record({ name: text, value: bytes })

const toExecutor = union({
  start: { options: start },
  describe: {},
  load: { uid: text, partition: count, pieces: list(piece), last: flag },
  members: { members: list(member) },
  run: { time: count, attempt: count, number: count, inputs: list(input) },
  committed: { attempt: count },
  abort: { attempt: count },
  query: { id: count, uid: text, partition: count, key: bytes },
  ping: { n: count },
  stop: {},
})
export type ToExecutor = Checked<typeof toExecutor>

const errorCode: Check<ErrorCode> = (value, path) => {
  const code = text(value, path)
  if (isErrorCode(code)) return code
  throw new MillraceError('MR_PROTOCOL', `a message of an executor: ${path} is no error code`)
}
const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code)

const failure: Check<Failure> = record({
  code: errorCode,
  message: text,
  places: list(place),
  stack: maybe(text),
})
const state = record({ uid: text, partition: count, puts: list(piece), deletes: list(text) })
const output = record({
  outputId: count,
  parts: list(record({ partition: count, payload: bytes })),
})

const fromExecutor = union({
  /** `shape` is told by rank 0 only; `path` of its socket only where there are peers. */
  built: { digest: text, shape: maybe(text), path: maybe(text) },
  refused: { error: failure },
  described: { shape: text },
  loaded: { uid: text, partition: count },
  progress: { attempt: count, places: list(place) },
  done: { attempt: count, states: list(state), outputs: list(output), records: count },
  failed: { attempt: count, error: failure },
  answer: {
    id: count,
    result: union({
      found: { value: anything },
      absent: {},
      failed: { error: failure },
    }),
  },
  pong: { n: count },
  crashed: { error: failure },
})
export type FromExecutor = Checked<typeof fromExecutor>

export const encodeToExecutor = (message: ToExecutor): Uint8Array => serialize(message)
export const encodeFromExecutor = (message: FromExecutor): Uint8Array => serialize(message)

/** Throws `MR_PROTOCOL` on bytes that are no message. */
export const decodeToExecutor = (message: Uint8Array): ToExecutor =>
  toExecutor(unpack(message), 'message')
/** Throws `MR_PROTOCOL` on bytes that are no message. */
export const decodeFromExecutor = (message: Uint8Array): FromExecutor =>
  fromExecutor(unpack(message), 'message')

function unpack(message: Uint8Array): unknown {
  try {
    return deserialize(message)
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', `unreadable message: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
