/**
 * What rank 0 asks of the others while a `foreachRDD` body runs, and what they answer.
 *
 *   request := 0x00                                  the body has ended
 *            | 0x01                                  count your rows
 *            | 0x02 varint limit | varint n | varint partition * n
 *                                                    your rows of these partitions,
 *                                                    in at most `limit` bytes
 *   answer  := 0x01 varint count
 *            | 0x02 frame (shuffle-frame.ts, target 0)
 *            | 0x03 varint bytes                     the rows are larger than the limit
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'

const TAG = { end: 0, count: 1, rows: 2, tooLarge: 3 } as const

export type PullRequest =
  | { readonly kind: 'end' }
  | { readonly kind: 'count' }
  | { readonly kind: 'rows'; readonly limit: number; readonly partitions: readonly number[] }

export type PullAnswer =
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'rows'; readonly frame: Uint8Array }
  | { readonly kind: 'tooLarge'; readonly bytes: number }

export function encodeRequest(request: PullRequest): Uint8Array {
  const writer = new ByteWriter(16).u8(TAG[request.kind])
  if (request.kind === 'rows') {
    writer.varint(request.limit).varint(request.partitions.length)
    for (const partition of request.partitions) writer.varint(partition)
  }
  return writer.finish()
}

/** Throws `MR_PROTOCOL` on bytes that are no request. */
export function decodeRequest(bytes: Uint8Array): PullRequest {
  return reading('request', () => {
    const reader = new ByteReader(bytes)
    const tag = reader.u8()
    if (tag === TAG.end) return { kind: 'end' }
    if (tag === TAG.count) return { kind: 'count' }
    if (tag !== TAG.rows) throw new RangeError(`unknown request ${String(tag)}`)
    const limit = reader.varint()
    const partitions: number[] = []
    for (let n = reader.varint(); n > 0; n--) partitions.push(reader.varint())
    return { kind: 'rows', limit, partitions }
  })
}

export function encodeAnswer(answer: PullAnswer): Uint8Array {
  const writer = new ByteWriter(16).u8(TAG[answer.kind])
  if (answer.kind === 'count') writer.varint(answer.count)
  else if (answer.kind === 'tooLarge') writer.varint(answer.bytes)
  else return Buffer.concat([writer.view(), answer.frame])
  return writer.finish()
}

/** Throws `MR_PROTOCOL` on bytes that are no answer. */
export function decodeAnswer(bytes: Uint8Array): PullAnswer {
  return reading('answer', () => {
    const reader = new ByteReader(bytes)
    const tag = reader.u8()
    if (tag === TAG.count) return { kind: 'count', count: reader.varint() }
    if (tag === TAG.tooLarge) return { kind: 'tooLarge', bytes: reader.varint() }
    if (tag !== TAG.rows) throw new RangeError(`unknown answer ${String(tag)}`)
    return { kind: 'rows', frame: reader.raw(reader.remaining) }
  })
}

function reading<T>(what: string, f: () => T): T {
  try {
    return f()
  } catch (error) {
    throw new MillraceError('MR_PROTOCOL', `a damaged ${what} between processes`, { cause: error })
  }
}
