/**
 * What the two kinds of piece, delta and chunk, have in common: names, the checksum in front, the
 * records.
 *
 *   piece   := u32 CRC-32C of all that follows | u8 format version = 1 | body
 *   record  := varint key length | key | varint n | value
 *
 * Little-endian throughout. n = 0: deleted, no value; else the value has n - 1 bytes.
 *
 * Names are local to one (operator, partition) and sort by kind, then number:
 *   'd/' 16 hex digits of the commit number
 *   'c/' 2 hex digits of the depth '/' 8 hex digits of the prefix
 */
import { crc32c } from '../src/base/checksum.ts'
import { ByteReader, ByteWriter } from '../src/base/bytes.ts'
import { MillraceError, messageOf } from '../src/base/errors.ts'
import type { Located } from './arena.ts'

export const PIECE_VERSION = 1

export const deltaName = (number: number): string => `d/${hex(number, 16)}`
export const chunkName = (depth: number, prefix: number): string =>
  `c/${hex(depth, 2)}/${hex(prefix, 8)}`

/** A non-negative integer in lower-case hex, padded: such names sort by number. */
export const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0')

export function stateDamaged(name: string, why: string): MillraceError {
  return new MillraceError('MR_STATE_DAMAGED', `state piece ${name}: ${why}`, { details: { name } })
}

/** A writer that stands behind the checksum and the version. */
export function beginPiece(capacity: number): ByteWriter {
  return new ByteWriter(capacity).u32(0).u8(PIECE_VERSION)
}

/** Fills the checksum in. The writer must not be used again. */
export function finishPiece(writer: ByteWriter): Uint8Array {
  const bytes = writer.view()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, crc32c(bytes.subarray(4)), true)
  return bytes
}

/**
 * A reader that stands at the body. Throws `MR_STATE_DAMAGED` unless checksum and version are
 * right.
 */
export function openPiece(name: string, bytes: Uint8Array): ByteReader {
  if (bytes.length < 5) throw stateDamaged(name, `only ${String(bytes.length)} bytes`)
  const reader = new ByteReader(bytes)
  if (reader.u32() !== crc32c(bytes.subarray(4))) throw stateDamaged(name, 'bad checksum')
  const version = reader.u8()
  if (version !== PIECE_VERSION) throw stateDamaged(name, `unknown version ${String(version)}`)
  return reader
}

export function putRecord(writer: ByteWriter, entry: Located): void {
  const { bytes, from, keyLength, valueLength } = entry
  writer
    .varint(keyLength)
    .part(bytes, from, keyLength)
    .varint(valueLength + 1)
    .part(bytes, from + keyLength, valueLength)
}

export function putDeletion(writer: ByteWriter, { bytes, from, keyLength }: Located): void {
  writer.varint(keyLength).part(bytes, from, keyLength).varint(0)
}

/**
 * Hands over every record that is left, as views. Throws `MR_STATE_DAMAGED` on bytes no writer
 * wrote.
 */
export function readRecords(
  name: string,
  reader: ByteReader,
  count: number,
  take: (key: Uint8Array, value: Uint8Array | undefined) => void,
): void {
  wellFormed(name, () => {
    for (let i = 0; i < count; i++) {
      const key = reader.bytes()
      const n = reader.varint()
      take(key, n === 0 ? undefined : reader.raw(n - 1))
    }
  })
  if (reader.remaining !== 0) throw stateDamaged(name, 'bytes after the last record')
}

/** A right checksum over a wrong structure: only another program can have written it. */
export function wellFormed<T>(name: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RangeError) throw stateDamaged(name, messageOf(error))
    throw error
  }
}
