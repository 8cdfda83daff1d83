/**
 * Lines as bytes: what both cutting a stream and taking a whole body need. Pure; no strings are
 * made. "\n" never lies inside a character of UTF-8, so lines can be found before anybody knows
 * whether they are valid.
 */
import { isAscii, isUtf8 } from 'node:buffer'

export const NEWLINE = 0x0a
export const CARRIAGE_RETURN = 0x0d

/** Longest line that is taken by default, in bytes, without its end. */
export const LINE_BYTES_MAX = 1024 * 1024

/** Whole lines, each ended by "\n", and how many. */
export interface Lines {
  readonly bytes: Uint8Array
  readonly count: number
}

/** The same memory as a Buffer, whose searches are native. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

export function countLines(bytes: Buffer): number {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++
  return count
}

/** Whether all of it is UTF-8: the ASCII scan is the faster one and nearly always enough. */
export const isText = (bytes: Buffer): boolean => isAscii(bytes) || isUtf8(bytes)

/** Takes the one "\r" before each "\n" away; the bytes themselves where there is none. */
export function withoutCarriageReturns(bytes: Buffer): Buffer {
  let at = nextLineEnd(bytes, 0)
  if (at < 0) return bytes
  const kept = Buffer.allocUnsafe(bytes.length)
  let from = 0
  let length = 0
  while (at >= 0) {
    length += bytes.copy(kept, length, from, at)
    from = at + 1
    at = nextLineEnd(bytes, from)
  }
  length += bytes.copy(kept, length, from)
  return kept.subarray(0, length)
}

/** Where the next "\r\n" begins, or -1. */
function nextLineEnd(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(CARRIAGE_RETURN, from)
  while (at >= 0 && bytes[at + 1] !== NEWLINE) at = bytes.indexOf(CARRIAGE_RETURN, at + 1)
  return at
}

/**
 * The same lines in pieces of at most `bytesMax`, as views; a line that is longer stays whole.
 */
export function cutLines(lines: Lines, bytesMax: number): readonly Lines[] {
  if (lines.bytes.length <= bytesMax) return [lines]
  const bytes = asBuffer(lines.bytes)
  const pieces: Lines[] = []
  for (let from = 0; from < bytes.length;) {
    const last = bytes.subarray(from, from + bytesMax).lastIndexOf(NEWLINE)
    const end = (last < 0 ? bytes.indexOf(NEWLINE, from) : from + last) + 1
    const piece = bytes.subarray(from, end)
    pieces.push({ bytes: piece, count: countLines(piece) })
    from = end
  }
  return pieces
}

/** Each line with its "\n", as views; a last one without "\n" is left out. */
export function* eachLine(bytes: Buffer): Generator<Buffer> {
  let from = 0
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, from)) {
    yield bytes.subarray(from, at + 1)
    from = at + 1
  }
}
