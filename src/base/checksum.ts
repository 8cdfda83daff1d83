/** CRC-32C (Castagnoli), as an unsigned 32-bit number. `seed` continues an earlier sum. */
import { crc32c as native } from '@node-rs/crc32'

export function crc32c(bytes: Uint8Array, seed = 0): number {
  return native(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), seed)
}
