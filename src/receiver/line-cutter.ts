/**
 * Cuts bytes that arrive in pieces of any size into whole lines, keeping the bytes.
 *
 *   piece:    ......\n...............\n.......\n....
 *             └head─┘└──────── body ───────────┘└tail: kept for the next piece
 *
 * "\n" ends a line and one "\r" before it goes. A line that is too long (its end not counted) or
 * not UTF-8 is left out and counted. At the end of the input an unterminated line is a line: the
 * end acts like a "\n".
 *
 * Invariants: what comes out is valid UTF-8, each line ended by "\n"; any split of the same bytes
 * gives the same lines and the same counts; no more than `lineBytesMax` + 1 bytes (the one may be a
 * "\r") are kept between two pieces.
 */
import {
  asBuffer,
  countLines,
  eachLine,
  isText,
  LINE_BYTES_MAX,
  type Lines,
  NEWLINE,
  withoutCarriageReturns,
} from './text-lines.ts'

export type RejectReason = 'line too long' | 'invalid UTF-8'

export interface LineCutterOptions {
  /** Longest line in bytes, without its end; 1 MiB by default. */
  readonly lineBytesMax?: number
  /** Lines were left out. */
  readonly onRejected: (reason: RejectReason, count: number) => void
}

const END = Buffer.from('\n')

export class LineCutter {
  readonly #lineBytesMax: number
  readonly #onRejected: LineCutterOptions['onRejected']
  /** The line that has begun: the first `#tailBytes` of this buffer. */
  #tail: Buffer = Buffer.alloc(0)
  #tailBytes = 0
  /** The line that has begun is too long already: counted, and left out to its end. */
  #skipping = false

  constructor(options: LineCutterOptions) {
    this.#lineBytesMax = options.lineBytesMax ?? LINE_BYTES_MAX
    this.#onRejected = options.onRejected
  }

  /** The lines that `piece` completes, in order. They may be views of it. */
  push(piece: Uint8Array): Lines[] {
    const bytes = asBuffer(piece)
    const last = bytes.lastIndexOf(NEWLINE)
    if (last < 0) {
      this.#keep(bytes)
      return []
    }
    const lines: Lines[] = []
    let from = 0
    if (this.#tailBytes > 0 || this.#skipping) {
      from = bytes.indexOf(NEWLINE) + 1
      this.#keep(bytes.subarray(0, from))
      if (!this.#skipping) this.#emit(this.#takeTail(), lines)
      this.#skipping = false
    }
    if (from <= last) this.#emit(bytes.subarray(from, last + 1), lines)
    this.#keep(bytes.subarray(last + 1))
    return lines
  }

  /** The last line, where the input ended without a "\n". The cutter is as new afterwards. */
  end(): Lines[] {
    if (this.#tailBytes > 0 && !this.#skipping) return this.push(END)
    this.#skipping = false
    return []
  }

  #keep(bytes: Buffer): void {
    if (this.#skipping || bytes.length === 0) return
    const length = this.#tailBytes + bytes.length
    const ended = bytes[bytes.length - 1] === NEWLINE
    if (length > this.#lineBytesMax + (ended ? 2 : 1)) {
      this.#skipping = true
      this.#takeTail()
      this.#onRejected('line too long', 1)
      return
    }
    if (length > this.#tail.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#tail.length * 2, 256))
      this.#tail.copy(grown, 0, 0, this.#tailBytes)
      this.#tail = grown
    }
    bytes.copy(this.#tail, this.#tailBytes)
    this.#tailBytes = length
  }

  /** Gives the line away: the buffer is not used again. */
  #takeTail(): Buffer {
    const line = this.#tail.subarray(0, this.#tailBytes)
    this.#tail = Buffer.alloc(0)
    this.#tailBytes = 0
    return line
  }

  /** Adds whole lines, as they are or repaired. */
  #emit(raw: Buffer, lines: Lines[]): void {
    let bytes = withoutCarriageReturns(raw)
    if (bytes.length > this.#lineBytesMax) bytes = this.#only(bytes, 'line too long', this.#fits)
    if (!isText(bytes)) bytes = this.#only(bytes, 'invalid UTF-8', isText)
    const count = countLines(bytes)
    if (count > 0) lines.push({ bytes, count })
  }

  readonly #fits = (line: Buffer): boolean => line.length - 1 <= this.#lineBytesMax

  /** The lines that are good; the others are counted. */
  #only(bytes: Buffer, reason: RejectReason, good: (line: Buffer) => boolean): Buffer {
    const kept: Buffer[] = []
    let rejected = 0
    for (const line of eachLine(bytes)) {
      if (good(line)) kept.push(line)
      else rejected++
    }
    if (rejected === 0) return bytes
    this.#onRejected(reason, rejected)
    return Buffer.concat(kept)
  }
}
