/**
 * A delta: what one commit changed in one state partition.
 *
 *   body := u64 commit number | u64 number of the delta before it that was still kept (0: none)
 *         | u32 count | record*
 *
 * A record counts for its key only while the delta's number is above the `asOf` of the key's chunk.
 * Pure; no I/O.
 */
import type { ByteReader } from '../src/base/bytes.ts'
import type { Located } from './arena.ts'
import {
  beginPiece,
  deltaName,
  finishPiece,
  openPiece,
  putDeletion,
  putRecord,
  stateDamaged,
  wellFormed,
} from './piece.ts'

export interface Delta {
  readonly name: string
  readonly number: number
  readonly previous: number
  readonly count: number
  /** Stands at the first record. */
  readonly records: ByteReader
}

/** What stands before the first record, the piece's own head included. */
export const DELTA_HEAD_BYTES = 25

export function encodeDelta(
  number: number,
  previous: number,
  sizeHint: number,
  sets: Iterable<Located>,
  deletes: Iterable<Located>,
): Uint8Array {
  let count = 0
  const body = beginPiece(sizeHint + 64)
    .u64(number)
    .u64(previous)
  const countAt = body.length
  body.u32(0)
  for (const entry of sets) {
    putRecord(body, entry)
    count += 1
  }
  for (const entry of deletes) {
    putDeletion(body, entry)
    count += 1
  }
  const bytes = body.view()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(countAt, count, true)
  return finishPiece(body)
}

/** Throws `MR_STATE_DAMAGED`. */
export function openDelta(name: string, bytes: Uint8Array): Delta {
  const records = openPiece(name, bytes)
  const delta = wellFormed(name, () => ({
    number: records.u64(),
    previous: records.u64(),
    count: records.u32(),
  }))
  if (deltaName(delta.number) !== name) throw stateDamaged(name, 'it is another delta')
  return { name, records, ...delta }
}
