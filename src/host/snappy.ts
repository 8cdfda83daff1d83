/**
 * Snappy, decompression only, as far as LevelDB's blocks need it. Pure. Never throws: bytes that
 * are not Snappy give undefined.
 *
 *   block   := varint length | element*
 *   element := tag, low two bits: 00 literal, 01 10 11 copy with an offset of 11, 16 or 32 bits
 */

/** No block of LevelDB comes near this. */
const LENGTH_MAX = 256 * 1024 * 1024

export function unsnap(bytes: Uint8Array): Uint8Array | undefined {
  const head = lengthOf(bytes)
  if (head === undefined || head.length > LENGTH_MAX) return undefined
  const out = new Uint8Array(head.length)
  let at = head.at
  let to = 0
  while (at < bytes.length) {
    const element = elementAt(bytes, at)
    at += element.header
    if (to + element.length > out.length) return undefined
    if (element.offset === 0) {
      if (at + element.length > bytes.length) return undefined
      out.set(bytes.subarray(at, at + element.length), to)
      at += element.length
    } else {
      if (element.offset > to) return undefined
      // A copy may reach into what it writes itself.
      for (let i = 0; i < element.length; i++) out[to + i] = out[to + i - element.offset] ?? 0
    }
    to += element.length
  }
  return to === out.length ? out : undefined
}

function lengthOf(bytes: Uint8Array): { length: number; at: number } | undefined {
  let length = 0
  for (let at = 0; at < 5; at++) {
    const byte = bytes[at]
    if (byte === undefined) return undefined
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) return { length, at: at + 1 }
  }
  return undefined
}

interface Element {
  readonly header: number
  readonly length: number
  /** How far back the copy begins; 0 for a literal. */
  readonly offset: number
}

function elementAt(bytes: Uint8Array, at: number): Element {
  const byte = (i: number): number => bytes[at + i] ?? 0
  const tag = byte(0)
  const high = tag >> 2
  switch (tag & 3) {
    case 0: {
      const extra = Math.max(0, high - 59)
      let length = extra === 0 ? high : 0
      for (let i = extra; i > 0; i--) length = length * 256 + byte(i)
      return { header: 1 + extra, length: length + 1, offset: 0 }
    }
    case 1:
      return { header: 2, length: 4 + (high & 7), offset: nonZero((tag >> 5) * 256 + byte(1)) }
    case 2:
      return { header: 3, length: 1 + high, offset: nonZero(byte(1) + byte(2) * 256) }
    default: {
      const offset = byte(1) + byte(2) * 256 + byte(3) * 65_536 + byte(4) * 16_777_216
      return { header: 5, length: 1 + high, offset: nonZero(offset) }
    }
  }
}

/** An offset of zero is not valid: it is made one that reaches before the beginning. */
const nonZero = (offset: number): number => (offset === 0 ? Infinity : offset)
