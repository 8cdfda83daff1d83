/**
 * The first sector of a segment file and the names of files. Pure: no input or output.
 *
 *   offset  bytes
 *        0      8  magic "MRLOGSEG"
 *        8      4  format version
 *       12      4  flags: 1 = the file had been filled with zeros (not recycled)
 *       16      8  segment number
 *       24     16  identity of the data directory
 *       40      8  epoch of the owner that began the segment
 *       48      8  base: position of the first byte after this sector
 *       56   4036  zero
 *     4092      4  CRC32C of bytes 0 to 4091
 *
 * Invariants: a sector is encoded once in the life of a file's name (guard: the name is given only
 * after the sector is synced, in `segment-files.ts`), so a bad sector in a named file is always
 * damage, never a torn write. Every later version keeps magic, version and CRC where they are: that
 * is how an old program knows a newer format from damage.
 */
import { assert } from '../src/base/assert.ts'
import { ByteReader, ByteWriter, equalBytes, utf8 } from '../src/base/bytes.ts'
import { crc32c } from '../src/base/checksum.ts'
import { SEGMENT_HEADER_BYTES } from './limits.ts'

export const FORMAT_VERSION = 1
export const IDENTITY_BYTES = 16

const MAGIC = utf8('MRLOGSEG')
const CRC_OFFSET = SEGMENT_HEADER_BYTES - 4
const FLAG_ZEROED = 1

export interface SegmentHeader {
  readonly number: number
  readonly identity: Uint8Array
  readonly epoch: number
  readonly base: number
  /**
   * What lies behind the last group was zero when the segment began, so any other byte there is a
   * torn write.
   */
  readonly zeroed: boolean
}

export type DecodedSegmentHeader =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly reason: string }

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array<ArrayBuffer> {
  assert(header.identity.length === IDENTITY_BYTES, 'an identity has 16 bytes')
  assert(header.number > 0, 'segments are numbered from 1')
  const writer = new ByteWriter(SEGMENT_HEADER_BYTES)
  writer.raw(MAGIC).u32(FORMAT_VERSION)
  writer.u32(header.zeroed ? FLAG_ZEROED : 0)
  writer.u64(header.number).raw(header.identity).u64(header.epoch).u64(header.base)
  writer.raw(new Uint8Array(CRC_OFFSET - writer.length))
  writer.u32(crc32c(writer.view()))
  return writer.finish()
}

/** Decodes the first sector. Never throws: what is wrong with it is part of the answer. */
export function decodeSegmentHeader(sector: Uint8Array): DecodedSegmentHeader {
  if (sector.length < SEGMENT_HEADER_BYTES) {
    return { kind: 'damaged', reason: `the header is cut at ${String(sector.length)} bytes` }
  }
  const reader = new ByteReader(sector)
  if (!equalBytes(reader.raw(MAGIC.length), MAGIC)) {
    return { kind: 'damaged', reason: 'the header does not begin with the magic of a segment' }
  }
  if (crc32c(sector.subarray(0, CRC_OFFSET)) !== new ByteReader(sector, CRC_OFFSET).u32()) {
    return { kind: 'damaged', reason: 'the checksum of the header does not match' }
  }
  const version = reader.u32()
  if (version > FORMAT_VERSION) return { kind: 'newer', version }
  const flags = reader.u32()
  const number = reader.u64()
  const identity = reader.raw(IDENTITY_BYTES).slice()
  const header = { number, identity, epoch: reader.u64(), base: reader.u64() }
  return { kind: 'header', header: { ...header, zeroed: (flags & FLAG_ZEROED) !== 0 } }
}

const DIGITS = 20
const SEGMENT_NAME = /^(\d{20})\.wal$/
const SPARE_NAME = /^(zeroed|recycled)-\d{20}\.free$/

export const segmentName = (number: number): string => `${String(number).padStart(DIGITS, '0')}.wal`

/** The number in a segment's file name; undefined for any other name. */
export function segmentNumberOf(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

export type SpareOrigin = 'zeroed' | 'recycled'

export const spareName = (origin: SpareOrigin, number: number): string =>
  `${origin}-${String(number).padStart(DIGITS, '0')}.free`

export function spareOriginOf(name: string): SpareOrigin | undefined {
  const origin = SPARE_NAME.exec(name)?.[1]
  return origin === 'zeroed' || origin === 'recycled' ? origin : undefined
}
