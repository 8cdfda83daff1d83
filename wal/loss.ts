/**
 * What damage costs, as far as the bytes that are left can tell: how many records lay in the
 * damaged stretch, and how many of them were of batches. Pure.
 *
 * Checksums do not count here: a record whose payload is damaged still says by its header that it
 * was one. So these are figures for people, and nothing is read by them.
 */
import { decodeGroupHeader } from './group-format.ts'
import { GROUP_HEADER_BYTES, RECORD_HEADER_BYTES } from './limits.ts'
import { RECORD_KIND } from './record.ts'
import type { SegmentBytes } from './segment-walk.ts'
import { positions } from './verdict.ts'

export interface Loss {
  /** Bytes up to the next group that can be read; 0 when there is none. */
  readonly bytes: number
  readonly records: number
  /** Of the records: allocations and receipts of batches. */
  readonly batches: number
  /** False when there may have been more. */
  readonly exact: boolean
}

const BATCH_KINDS: ReadonlySet<number> = new Set([
  RECORD_KIND.batchAllocation,
  RECORD_KIND.batchCleanup,
])
const KINDS: ReadonlySet<number> = new Set(Object.values(RECORD_KIND))

/** From the bad place at `offset` to `until`, where the next good group begins, or to the end. */
export function lossOf(segment: SegmentBytes, offset: number, until: number): Loss {
  const { bytes, header } = segment
  const known = until > offset
  const group = decodeGroupHeader(bytes, offset, header.identity)
  const groupEnd = group === undefined ? bytes.length : offset + group.length
  const end = Math.min(known ? until : groupEnd, bytes.length)
  const walked = walk(bytes, offset + GROUP_HEADER_BYTES, end)
  const exact = known && walked.at === end
  const records = Math.max(walked.records, group?.count ?? 0)
  return { bytes: known ? until - offset : 0, records, batches: walked.batches, exact }
}

function walk(
  bytes: Uint8Array,
  from: number,
  end: number,
): { readonly at: number; readonly records: number; readonly batches: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = from
  let records = 0
  let batches = 0
  while (at + RECORD_HEADER_BYTES <= end) {
    const next = at + RECORD_HEADER_BYTES + view.getUint32(at, true)
    const kind = view.getUint8(at + 8)
    if (next > end || !KINDS.has(kind)) break
    records += 1
    if (BATCH_KINDS.has(kind)) batches += 1
    at = next
  }
  return { at, records, batches }
}

export function lossText(position: number, proven: number, loss: Loss): string {
  const { bytes, records, batches, exact } = loss
  const to = bytes > 0 ? position + bytes : proven
  const least = exact ? '' : 'at least '
  return (
    `${positions(position, to)}: ${least}${counted(records, 'record')}, ` +
    `${least}${String(batches)} of them of batches` +
    (bytes > 0 ? '; what follows can be read' : '')
  )
}

const counted = (n: number, what: string): string => `${String(n)} ${what}${n === 1 ? '' : 's'}`
