/**
 * The groups of a log segment, as the format says, and one of them as an older life would have
 * written it in the same place. Own code: it shares none with the log but the checksum.
 */
import { crc32c } from '../../src/base/checksum.ts'

/** Groups of additions, as far as the header tells. */
export interface FoundGroup {
  readonly offset: number
  readonly bytes: Uint8Array
  /** It holds one record, a block. */
  readonly isBlock: boolean
}

export interface FoundGroups {
  readonly groups: readonly FoundGroup[]
  /** Where the last of them ends. */
  readonly end: number
  /** The segment that follows was begun. */
  readonly isSealed: boolean
}

const SEGMENT_HEADER_BYTES = 4096
const GROUP_HEADER_BYTES = 44
const RECORD_HEADER_BYTES = 9
const CRC_AT = 40
const KIND_AT = 8
const ADDITION = 1
const SEAL = 3
const MAGIC = 'MRG1'

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const identityOf = (segment: Uint8Array): Uint8Array => segment.subarray(24, 40)

const headerChecksum = (group: Uint8Array, identity: Uint8Array): number =>
  crc32c(identity, crc32c(group.subarray(0, CRC_AT)))

/** Those whose headers hold, up to the first that does not. */
export function groupsOf(segment: Uint8Array): FoundGroups {
  const view = viewOf(segment)
  const groups: FoundGroup[] = []
  let at = SEGMENT_HEADER_BYTES
  for (; at + GROUP_HEADER_BYTES <= segment.length; at += groups.at(-1)?.bytes.length ?? 0) {
    if (Buffer.from(segment.subarray(at, at + 4)).toString('latin1') !== MAGIC) break
    const length = view.getUint32(at + 4, true)
    const bytes = segment.slice(at, at + length)
    const epoch = view.getBigUint64(at + 16, true)
    const position = view.getBigUint64(48, true) + BigInt(at - SEGMENT_HEADER_BYTES)
    if (bytes.length < length || length < GROUP_HEADER_BYTES) break
    if (headerChecksum(bytes, identityOf(segment)) !== viewOf(bytes).getUint32(CRC_AT, true)) break
    if (view.getBigUint64(at + 8, true) !== position) break
    if (epoch !== view.getBigUint64(40, true)) break
    if (view.getUint32(at + 36, true) === SEAL) return { groups, end: at, isSealed: true }
    const kind = bytes[GROUP_HEADER_BYTES + KIND_AT]
    const isBlock = view.getUint32(at + 32, true) === 1 && kind === ADDITION
    groups.push({ offset: at, bytes, isBlock })
  }
  return { groups, end: at, isSealed: false }
}

/**
 * The group of a block as another life left it behind: whole, of the epoch before, at the same
 * place; its last record is another one.
 */
export function ofOlderEpoch({ bytes }: FoundGroup, segment: Uint8Array): Uint8Array {
  const old = bytes.slice()
  const view = viewOf(old)
  view.setBigUint64(16, view.getBigUint64(16, true) - 1n, true)
  // The digit before the end of the last line.
  const digit = old.length - 2
  old[digit] = old[digit] === ZERO ? ZERO + 9 : ZERO
  view.setUint32(CRC_AT, headerChecksum(old, identityOf(segment)), true)
  const place = new Uint8Array(21)
  const record = old.subarray(GROUP_HEADER_BYTES)
  place.set(record.subarray(0, 4))
  place[4] = ADDITION
  const position = view.getBigUint64(8, true) + BigInt(GROUP_HEADER_BYTES)
  viewOf(place).setBigUint64(5, position, true)
  place.set(old.subarray(16, 24), 13)
  const sum = crc32c(record.subarray(RECORD_HEADER_BYTES), crc32c(place))
  view.setUint32(GROUP_HEADER_BYTES + 4, sum, true)
  return old
}

const ZERO = 0x30
