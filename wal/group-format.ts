/**
 * Groups and records: what lies behind the header of a segment. Pure: no input or output.
 *
 *   group  = header record*                      record = length crc kind payload
 *
 *   group header, 44 bytes                       record header, 9 bytes
 *   offset  bytes                                offset  bytes
 *        0      4  magic "MRG1"                       0      4  length of the payload
 *        4      4  length with this header            4      4  CRC32C of length, kind,
 *        8      8  position of its first byte                   position, epoch, payload
 *       16      8  epoch                              8      1  kind
 *       24      8  durable: every position below
 *                  it was synced when the group was formed
 *       32      4  number of records
 *       36      4  role
 *       40      4  CRC32C of bytes 0 to 39 and the identity
 *
 * All integers are little-endian. Invariants: `durable ≤ position`; records fill the group exactly.
 * A group says where it belongs (position, epoch, identity) inside its checksum, so bytes of a
 * former life, of another place or of another directory never pass for a group of this one. Guard
 * pair: `encodeGroup` asserts what `decodeGroupHeader` checks.
 */
import { assert } from '../src/base/assert.ts'
import { crc32c } from '../src/base/checksum.ts'
import { GROUP_HEADER_BYTES, RECORD_HEADER_BYTES } from './limits.ts'
import { RECORD_KIND, type LogEntry, type RecordKind } from './record.ts'

export const GROUP_ROLE = {
  /** What callers appended. */
  records: 0,
  /** First of a segment: the caller's snapshot. */
  opening: 1,
  /** Last of a clean life: proves everything before it. */
  closing: 2,
  /**
   * The log goes on in the next segment: its absence is damage. Lies at the next segment's base,
   * outside the log.
   */
  seal: 3,
} as const
export type GroupRole = (typeof GROUP_ROLE)[keyof typeof GROUP_ROLE]

export interface GroupHeader {
  readonly length: number
  readonly position: number
  readonly epoch: number
  readonly durable: number
  readonly count: number
  readonly role: GroupRole
}

export const GROUP_MAGIC = Uint8Array.of(0x4d, 0x52, 0x47, 0x31)
const MAGIC = 0x3147524d
const CRC_OFFSET = 40

const roles: ReadonlyMap<number, GroupRole> = new Map(
  Object.values(GROUP_ROLE).map((role) => [role, role]),
)
const kinds: ReadonlyMap<number, RecordKind> = new Map(
  Object.values(RECORD_KIND).map((kind) => [kind, kind]),
)

export const payloadBytes = (entry: LogEntry): number => {
  let bytes = 0
  for (const part of entry.parts) bytes += part.length
  return bytes
}

/** Bytes of the records of `entries`, without a group header. */
export const recordsBytes = (entries: readonly LogEntry[]): number => {
  let bytes = 0
  for (const entry of entries) bytes += RECORD_HEADER_BYTES + payloadBytes(entry)
  return bytes
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function setU64(view: DataView, at: number, n: number): void {
  view.setUint32(at, n % 0x1_0000_0000, true)
  view.setUint32(at + 4, Math.floor(n / 0x1_0000_0000), true)
}

const getU64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000

export interface GroupPlace {
  readonly position: number
  readonly epoch: number
  readonly durable: number
  readonly role: GroupRole
  readonly identity: Uint8Array
}

/** Writes a group at the start of `target` and returns its length. */
export function encodeGroup(
  target: Uint8Array,
  place: GroupPlace,
  entries: readonly LogEntry[],
): number {
  assert(place.durable <= place.position, 'the durable watermark never passes its own group')
  const view = viewOf(target)
  let at = GROUP_HEADER_BYTES
  for (const entry of entries) {
    at = encodeRecord(target, view, at, place.position + at, place.epoch, entry)
  }
  view.setUint32(0, MAGIC, true)
  view.setUint32(4, at, true)
  setU64(view, 8, place.position)
  setU64(view, 16, place.epoch)
  setU64(view, 24, place.durable)
  view.setUint32(32, entries.length, true)
  view.setUint32(36, place.role, true)
  view.setUint32(CRC_OFFSET, crc32c(place.identity, crc32c(target.subarray(0, CRC_OFFSET))), true)
  return at
}

function encodeRecord(
  target: Uint8Array,
  view: DataView,
  start: number,
  position: number,
  epoch: number,
  entry: LogEntry,
): number {
  let at = start + RECORD_HEADER_BYTES
  for (const part of entry.parts) {
    target.set(part, at)
    at += part.length
  }
  const payload = target.subarray(start + RECORD_HEADER_BYTES, at)
  view.setUint32(start, payload.length, true)
  view.setUint32(start + 4, recordChecksum(entry.kind, position, epoch, payload), true)
  view.setUint8(start + 8, entry.kind)
  return at
}

const prefix = new Uint8Array(21)
const prefixView = viewOf(prefix)

function recordChecksum(
  kind: number,
  position: number,
  epoch: number,
  payload: Uint8Array,
): number {
  prefixView.setUint32(0, payload.length, true)
  prefixView.setUint8(4, kind)
  setU64(prefixView, 5, position)
  setU64(prefixView, 13, epoch)
  return crc32c(payload, crc32c(prefix))
}

/** The group header at `offset`, or undefined when there is none whose own checksum holds. */
export function decodeGroupHeader(
  bytes: Uint8Array,
  offset: number,
  identity: Uint8Array,
): GroupHeader | undefined {
  if (offset + GROUP_HEADER_BYTES > bytes.length) return undefined
  const header = bytes.subarray(offset, offset + GROUP_HEADER_BYTES)
  const view = viewOf(header)
  if (view.getUint32(0, true) !== MAGIC) return undefined
  const sum = crc32c(identity, crc32c(header.subarray(0, CRC_OFFSET)))
  if (sum !== view.getUint32(CRC_OFFSET, true)) return undefined
  const role = roles.get(view.getUint32(36, true))
  if (role === undefined) return undefined
  const position = getU64(view, 8)
  const durable = getU64(view, 24)
  if (durable > position) return undefined
  const length = view.getUint32(4, true)
  if (length < GROUP_HEADER_BYTES) return undefined
  return {
    length,
    position,
    epoch: getU64(view, 16),
    durable,
    count: view.getUint32(32, true),
    role,
  }
}

export interface DecodedRecord {
  readonly kind: RecordKind
  /** A view into the bytes it was decoded from. */
  readonly payload: Uint8Array
  /** Bytes with the header. */
  readonly bytes: number
}

/**
 * The record at the start of `bytes` (which end where the group ends), or the reason why there is
 * none.
 */
export function decodeRecord(
  bytes: Uint8Array,
  position: number,
  epoch: number,
): DecodedRecord | string {
  if (bytes.length < RECORD_HEADER_BYTES) return 'a record header is cut'
  const view = viewOf(bytes)
  const length = view.getUint32(0, true)
  if (length > bytes.length - RECORD_HEADER_BYTES) return 'a record is longer than its group'
  const payload = bytes.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + length)
  const kind = view.getUint8(8)
  if (recordChecksum(kind, position, epoch, payload) !== view.getUint32(4, true)) {
    return 'the checksum of a record does not match'
  }
  const known = kinds.get(kind)
  if (known === undefined) return `unknown record kind ${String(kind)}`
  return { kind: known, payload, bytes: RECORD_HEADER_BYTES + length }
}
