/**
 * What a custom receiver's process and the driver say to each other, one message a frame of their
 * channel. Pure.
 *
 *   up   := 1                                     started: `onStart` has been called
 *         | 2 id:varint records:varint block      store: block is `v8.serialize` of an array
 *         | 3 message:text                        an error the receiver reports and survives
 *         | 4 message:text                        start me anew (in a new process)
 *         | 5 message:text                        the receiver has failed: `onStart` threw
 *         | 6                                     stopped: nothing more will come
 *   down := 1 id:varint                           those records are durable
 *         | 2 id:varint code:text message:text    they are not, and will not be
 *         | 3                                     stop
 *   text := length:varint utf8                    block: the rest of the frame
 *
 * Ids grow by one from 0. At most `STORES_MAX` stores are unanswered at any time: the child waits,
 * and a driver that sees more ends the child. Decoding throws `MR_PROTOCOL` on anything else.
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'

/** Unanswered stores of one receiver at most. */
export const STORES_MAX = 4
/** Longest block of one store, in bytes. */
export const STORE_BYTES_MAX = 8 * 1024 * 1024

export type UpMessage =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'store'
      readonly id: number
      readonly records: number
      readonly block: Uint8Array
    }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'restart'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'stopped' }

export type DownMessage =
  | { readonly kind: 'durable'; readonly id: number }
  | {
      readonly kind: 'refused'
      readonly id: number
      readonly code: string
      readonly message: string
    }
  | { readonly kind: 'stop' }

const UP = { started: 1, store: 2, error: 3, restart: 4, failed: 5, stopped: 6 } as const
const DOWN = { durable: 1, refused: 2, stop: 3 } as const

export function encodeUp(message: UpMessage): Uint8Array {
  const w = new ByteWriter(message.kind === 'store' ? message.block.length + 16 : 64)
  w.u8(UP[message.kind])
  switch (message.kind) {
    case 'started':
    case 'stopped':
      break
    case 'store':
      w.varint(message.id).varint(message.records).raw(message.block)
      break
    case 'error':
    case 'restart':
    case 'failed':
      w.text(message.message)
  }
  return w.view()
}

export function decodeUp(bytes: Uint8Array): UpMessage {
  return decode(bytes, (r) => {
    switch (r.u8()) {
      case UP.started:
        return { kind: 'started' }
      case UP.store: {
        const id = r.varint()
        const records = r.varint()
        return { kind: 'store', id, records, block: r.raw(r.remaining) }
      }
      case UP.error:
        return { kind: 'error', message: r.text() }
      case UP.restart:
        return { kind: 'restart', message: r.text() }
      case UP.failed:
        return { kind: 'failed', message: r.text() }
      case UP.stopped:
        return { kind: 'stopped' }
      default:
        return undefined
    }
  })
}

export function encodeDown(message: DownMessage): Uint8Array {
  const w = new ByteWriter(64)
  w.u8(DOWN[message.kind])
  switch (message.kind) {
    case 'durable':
      w.varint(message.id)
      break
    case 'refused':
      w.varint(message.id).text(message.code).text(message.message)
      break
    case 'stop':
  }
  return w.view()
}

export function decodeDown(bytes: Uint8Array): DownMessage {
  return decode(bytes, (r) => {
    switch (r.u8()) {
      case DOWN.durable:
        return { kind: 'durable', id: r.varint() }
      case DOWN.refused:
        return { kind: 'refused', id: r.varint(), code: r.text(), message: r.text() }
      case DOWN.stop:
        return { kind: 'stop' }
      default:
        return undefined
    }
  })
}

/** The message, all of the frame and nothing after it. */
function decode<T>(bytes: Uint8Array, read: (r: ByteReader) => T | undefined): T {
  const r = new ByteReader(bytes)
  let message: T | undefined
  try {
    message = read(r)
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', 'a message of a custom receiver is cut or malformed', {
      cause: error,
    })
  }
  if (message === undefined) {
    throw new MillraceError('MR_PROTOCOL', 'a message of a custom receiver is of no known kind')
  }
  if (r.remaining > 0) {
    const extra = String(r.remaining)
    throw new MillraceError(
      'MR_PROTOCOL',
      `a message of a custom receiver has ${extra} extra bytes`,
    )
  }
  return message
}
