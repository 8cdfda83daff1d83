/**
 * What can still be read of a segment that is damaged: every record whose own checksum holds, also
 * behind a bad place, and the ranges of positions that hold none. Pure.
 *
 * A record names its position and epoch inside its checksum, so one that is found by searching is
 * as good as one that is found by walking.
 */
import { decodeGroupHeader, decodeRecord, GROUP_MAGIC, GROUP_ROLE } from './group-format.ts'
import { GROUP_HEADER_BYTES, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './limits.ts'
import type { LogRecord } from './record.ts'
import type { SegmentHeader } from './segment-format.ts'
import { offsetOf, type SegmentBytes } from './segment-walk.ts'

export type Salvaged =
  | { readonly kind: 'record'; readonly record: LogRecord }
  | {
      readonly kind: 'lost'
      readonly from: number
      readonly to: number
      readonly offset: number
      readonly reason: string
      /** The payload as it lies there, unverified, where its length can be believed. */
      readonly unverified?: { readonly kind: number; readonly payload: Uint8Array }
    }

/**
 * The records in order, and what is lost, up to the position `until`. Bytes that only framed
 * records are not counted as lost.
 */
export function* salvageSegment(segment: SegmentBytes, until: number): Generator<Salvaged> {
  const { bytes, header } = segment
  let position = header.base
  while (position < until) {
    const group = groupAt(segment, position)
    if (group?.role === GROUP_ROLE.seal) break
    const end = Math.min(
      until,
      group === undefined ? nextGroup(segment, position, until) : group.end,
    )
    if (offsetOf(header, position) >= bytes.length) {
      const offset = bytes.length
      yield { kind: 'lost', from: position, to: until, offset, reason: 'the file ends' }
      return
    }
    const reason = group === undefined ? 'no group begins here' : 'a record is damaged'
    yield* recordsBetween(segment, position + GROUP_HEADER_BYTES, end, reason)
    position = end
  }
}

function groupAt(
  { bytes, header: place }: SegmentBytes,
  position: number,
): { readonly end: number; readonly role: number } | undefined {
  const group = decodeGroupHeader(bytes, offsetOf(place, position), place.identity)
  if (group?.position !== position || group.epoch !== place.epoch) return undefined
  return { end: position + group.length, role: group.role }
}

function nextGroup(segment: SegmentBytes, position: number, until: number): number {
  const { bytes, header } = segment
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = haystack.indexOf(GROUP_MAGIC, offsetOf(header, position) + 1)
  for (; at >= 0; at = haystack.indexOf(GROUP_MAGIC, at + 1)) {
    const found = at - SEGMENT_HEADER_BYTES + header.base
    if (found >= until) break
    if (groupAt(segment, found) !== undefined) return found
  }
  return until
}

function* recordsBetween(
  segment: SegmentBytes,
  from: number,
  to: number,
  reason: string,
): Generator<Salvaged> {
  const { header } = segment
  let position = from
  while (position < to) {
    const found = recordAt(segment, position, to)
    if (typeof found !== 'string') {
      yield { kind: 'record', record: found }
      position += RECORD_HEADER_BYTES + found.payload.length
      continue
    }
    const offset = offsetOf(header, position)
    const skipped = believable(segment, position, to)
    const end = skipped?.end ?? to
    const lost = {
      kind: 'lost',
      from: position,
      to: end,
      offset,
      reason: `${reason}: ${found}`,
    } as const
    yield skipped === undefined ? lost : { ...lost, unverified: skipped.unverified }
    position = end
  }
}

function recordAt(
  { bytes, header }: SegmentBytes,
  position: number,
  to: number,
): LogRecord | string {
  const offset = offsetOf(header, position)
  const end = Math.min(offsetOf(header, to), bytes.length)
  const record = decodeRecord(bytes.subarray(offset, end), position, header.epoch)
  if (typeof record === 'string') return record
  const { kind, payload } = record
  const { epoch, number: segment } = header
  return { ref: { position, segment, offset, length: payload.length, epoch }, kind, payload }
}

/** The length of a bad record is believed where a good record, or the end, follows it. */
function believable(
  segment: SegmentBytes,
  position: number,
  to: number,
): { end: number; unverified: { kind: number; payload: Uint8Array } } | undefined {
  const { bytes, header } = segment
  const offset = offsetOf(header, position)
  if (offset + RECORD_HEADER_BYTES > bytes.length) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const length = view.getUint32(offset, true)
  const end = position + RECORD_HEADER_BYTES + length
  if (end > to || offsetOf(header, end) > bytes.length) return undefined
  if (end !== to && typeof recordAt(segment, end, to) === 'string') return undefined
  const payload = bytes.subarray(offset + RECORD_HEADER_BYTES, offsetOf(header, end))
  return { end, unverified: { kind: view.getUint8(offset + 8), payload } }
}

/** The header of a segment whose first sector is damaged, told from its first group. */
export function rebuiltHeader(
  bytes: Uint8Array,
  number: number,
  identity: Uint8Array,
): SegmentHeader | undefined {
  const group = decodeGroupHeader(bytes, SEGMENT_HEADER_BYTES, identity)
  if (group?.role !== GROUP_ROLE.opening) return undefined
  return { number, identity, epoch: group.epoch, base: group.position, zeroed: false }
}
