/**
 * What executors say to each other on a socket, inside the length-prefixed frames of
 * `host/frames.ts`. Pure.
 *
 *   hello := secret:byte[16] incarnation:u64 rank:u32                   first on every connection
 *   part  := attempt:u64 sequence:u32 label:(varint length, UTF-8) payload:byte*
 *
 * `sequence` counts the collectives of an attempt; `label` says which one the sender believes it
 * is.
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError, messageOf } from '../base/errors.ts'

export const SECRET_BYTES = 16

export interface Hello {
  readonly secret: Uint8Array
  readonly incarnation: number
  readonly rank: number
}

export interface Part {
  readonly attempt: number
  readonly sequence: number
  readonly label: string
  readonly payload: Uint8Array
}

export function encodeHello({ secret, incarnation, rank }: Hello): Uint8Array {
  return new ByteWriter(SECRET_BYTES + 12).raw(secret).u64(incarnation).u32(rank).finish()
}

/** Throws `MR_PROTOCOL` on bytes that are no greeting. */
export function decodeHello(bytes: Uint8Array): Hello {
  return decode(bytes, 'greeting', (reader) => {
    const hello = {
      secret: reader.raw(SECRET_BYTES),
      incarnation: reader.u64(),
      rank: reader.u32(),
    }
    if (reader.remaining !== 0) throw new RangeError('bytes after it')
    return hello
  })
}

/** The bytes before the payload. */
export function encodePartHead(part: Omit<Part, 'payload'>): Uint8Array {
  return new ByteWriter(64).u64(part.attempt).u32(part.sequence).text(part.label).finish()
}

/** The payload is a view of `bytes`. Throws `MR_PROTOCOL` on bytes that are no part. */
export function decodePart(bytes: Uint8Array): Part {
  return decode(bytes, 'part', (reader) => ({
    attempt: reader.u64(),
    sequence: reader.u32(),
    label: reader.text(),
    payload: reader.raw(reader.remaining),
  }))
}

function decode<T>(bytes: Uint8Array, what: string, read: (reader: ByteReader) => T): T {
  try {
    return read(new ByteReader(bytes))
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', `no ${what} of an executor: ${messageOf(error)}`, {
      cause: error,
    })
  }
}
