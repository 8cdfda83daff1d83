/**
 * A value as it lies in a store, behind a checksum of its own: LevelDB verifies nothing we could
 * rely on.
 *
 *   wrapped := u32 CRC-32C of (key in UTF-8 | 0x00 | all that follows)
 *            | u64 number of the commit that wrote it | value
 *
 * The key is part of the sum, so that a value that turns up under another key is seen; the number,
 * so that an older value of the same key differs from the newest (the set-digest in the root tells
 * them apart). Pure; no I/O.
 */
import { ByteReader, ByteWriter, utf8 } from '../src/base/bytes.ts'
import { crc32c } from '../src/base/checksum.ts'

const HEADER_BYTES = 12

export function wrapValue(key: string, number: number, value: Uint8Array): Uint8Array {
  const bytes = new ByteWriter(HEADER_BYTES + value.length).u32(0).u64(number).raw(value).view()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, sumOf(key, bytes), true)
  return bytes
}

/** A view of the value, or undefined when the checksum does not hold. */
export function unwrapValue(key: string, wrapped: Uint8Array): Uint8Array | undefined {
  if (wrapped.length < HEADER_BYTES) return undefined
  if (checksumOf(wrapped) !== sumOf(key, wrapped)) return undefined
  return wrapped.subarray(HEADER_BYTES)
}

/** The checksum a wrapped value carries, verified or not. */
export const checksumOf = (wrapped: Uint8Array): number => new ByteReader(wrapped).u32()

const sumOf = (key: string, wrapped: Uint8Array): number =>
  crc32c(wrapped.subarray(4), crc32c(utf8(`${key}\0`)))
