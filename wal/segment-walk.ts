/**
 * Walks the groups of one segment held in memory. Pure: no input or output. It says where the valid
 * groups end and why; whether that end is a torn tail or damage is for `verdict.ts`.
 *
 * Invariant: position = base + offset - 4096 for every byte, so a group found elsewhere than where
 * it says it belongs is no group (guard: `groupAt`; its pair is `encodeGroup`, which is given the
 * position by the writer).
 */
import { assert } from '../src/base/assert.ts'
import { decodeGroupHeader, decodeRecord, GROUP_MAGIC, GROUP_ROLE } from './group-format.ts'
import type { GroupHeader } from './group-format.ts'
import { GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES } from './limits.ts'
import type { LogRecord } from './record.ts'
import type { SegmentHeader } from './segment-format.ts'

export interface SegmentBytes {
  readonly header: SegmentHeader
  /** The file from its first byte on. */
  readonly bytes: Uint8Array
}

export interface WalkedGroup {
  readonly kind: 'group'
  readonly offset: number
  readonly header: GroupHeader
  readonly records: readonly LogRecord[]
}

export interface WalkEnd {
  readonly kind: 'end'
  readonly offset: number
  readonly position: number
  /**
   * 'complete': at `until`; 'sealed': the next segment must exist; 'bad': no valid group, for
   * `reason`.
   */
  readonly state: 'complete' | 'sealed' | 'bad'
  readonly reason: string
}

export const offsetOf = (header: SegmentHeader, position: number): number =>
  position - header.base + SEGMENT_HEADER_BYTES

/**
 * The groups in order, then the end. `until` is the base of the next segment, where this one must
 * end.
 */
export function* walkGroups(
  segment: SegmentBytes,
  until: number | undefined,
): Generator<WalkedGroup | WalkEnd> {
  const { header } = segment
  let position = header.base
  for (;;) {
    const offset = offsetOf(header, position)
    const found = stepAt(segment, offset, position, until)
    yield found
    if (found.kind === 'end') return
    const end = position + found.header.length
    assert(end > position, 'a group has a length')
    position = end
  }
}

function stepAt(
  segment: SegmentBytes,
  offset: number,
  position: number,
  until: number | undefined,
): WalkedGroup | WalkEnd {
  const at = { kind: 'end', offset, position } as const
  if (position === until) return { ...at, state: 'complete', reason: '' }
  const found = groupAt(segment, offset, position)
  if (typeof found === 'string') return { ...at, state: 'bad', reason: found }
  if (found.header.role === GROUP_ROLE.seal) return { ...at, state: 'sealed', reason: '' }
  if (until === undefined || position + found.header.length <= until) return found
  return { ...at, state: 'bad', reason: 'a group passes the base of the next segment' }
}

/** The valid group at `offset`, or why there is none. */
function groupAt(segment: SegmentBytes, offset: number, position: number): WalkedGroup | string {
  const { bytes, header: place } = segment
  const header = decodeGroupHeader(bytes, offset, place.identity)
  if (header === undefined) return 'no group begins here'
  if (header.position !== position) return 'the group belongs to another position'
  if (header.epoch !== place.epoch) return 'the group belongs to another epoch'
  if ((header.role === GROUP_ROLE.opening) !== (position === place.base)) {
    if (header.role !== GROUP_ROLE.seal) return 'the opening group is not the first of its segment'
  }
  const end = offset + header.length
  if (end > bytes.length) return 'the group is longer than the file'
  const records = recordsOf(segment, offset, header)
  return typeof records === 'string' ? records : { kind: 'group', offset, header, records }
}

function recordsOf(
  { bytes, header: place }: SegmentBytes,
  start: number,
  group: GroupHeader,
): readonly LogRecord[] | string {
  const end = start + group.length
  const records: LogRecord[] = []
  let offset = start + GROUP_HEADER_BYTES
  for (let i = 0; i < group.count; i++) {
    const position = group.position + offset - start
    const record = decodeRecord(bytes.subarray(offset, end), position, group.epoch)
    if (typeof record === 'string') return record
    const { kind, payload } = record
    const at = { position, segment: place.number, offset, length: payload.length }
    records.push({ ref: { ...at, epoch: group.epoch }, kind, payload })
    offset += record.bytes
  }
  return offset === end ? records : 'the records do not fill their group'
}

export interface Later {
  /**
   * Largest durable watermark of a valid group header behind the bad place; 0 when there is none.
   */
  readonly durable: number
  /** Where the first of those groups begins in the file; 0 when there is none. */
  readonly beginOffset: number
  /** Where the last of those groups ends in the file; 0 when there is none. */
  readonly endOffset: number
}

/** What valid group headers of this very segment behind `offset` prove. */
export function provenLater({ bytes, header: place }: SegmentBytes, offset: number): Later {
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let durable = 0
  let beginOffset = 0
  let endOffset = 0
  let at = haystack.indexOf(GROUP_MAGIC, offset + 1)
  for (; at >= 0; at = haystack.indexOf(GROUP_MAGIC, at + 1)) {
    const group = decodeGroupHeader(bytes, at, place.identity)
    if (group === undefined) continue
    if (group.epoch !== place.epoch || offsetOf(place, group.position) !== at) continue
    durable = Math.max(durable, group.durable)
    if (beginOffset === 0) beginOffset = at
    endOffset = Math.max(endOffset, Math.min(at + group.length, bytes.length))
  }
  return { durable, beginOffset, endOffset }
}

/**
 * How many bytes behind a bad place were written by this life, as far as that can be told: up to
 * the last later group, the length the bad group itself claims, or, in a file that was zero, the
 * last byte that is not.
 */
export function tornBytes(segment: SegmentBytes, offset: number, later: Later): number {
  const { bytes, header: place } = segment
  const group = decodeGroupHeader(bytes, offset, place.identity)
  let end = Math.max(later.endOffset, offset)
  if (group !== undefined && group.epoch === place.epoch) {
    if (offsetOf(place, group.position) === offset) end = Math.max(end, offset + group.length)
  }
  end = Math.min(end, bytes.length)
  if (place.zeroed) {
    let last = bytes.length
    while (last > end && bytes[last - 1] === 0) last -= 1
    end = last
  }
  return Math.max(0, end - offset)
}
