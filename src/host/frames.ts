/**
 * Messages on a byte stream: each is a u32 length (little-endian) and so many bytes. Used between a
 * parent and its child and between executors. Pure: it owns no socket.
 *
 *   frame := length:u32le payload:byte[length]
 *
 * Invariant: no frame is longer than the limit of its stream; a longer length is a broken peer, not
 * a large message.
 */
import { MillraceError } from '../base/errors.ts'

/** Longest payload of any frame, in bytes. */
export const FRAME_BYTES_MAX = 2 ** 30

const HEADER_BYTES = 4

/**
 * The length that goes before a payload. Throws `MR_PROTOCOL` when the payload is over
 * `FRAME_BYTES_MAX`.
 */
export function frameHeader(length: number): Uint8Array {
  if (length > FRAME_BYTES_MAX) {
    throw new MillraceError(
      'MR_PROTOCOL',
      `a message of ${String(length)} bytes: the limit is ${String(FRAME_BYTES_MAX)}`,
    )
  }
  const header = new Uint8Array(HEADER_BYTES)
  new DataView(header.buffer).setUint32(0, length, true)
  return header
}

/** Puts frames together again from pieces of any size. */
export class FrameAssembler {
  readonly #header = new Uint8Array(HEADER_BYTES)
  #headerBytes = 0
  #body: Uint8Array | undefined
  #bodyBytes = 0
  /** Longest payload taken, in bytes; may be raised once a peer has said who it is. */
  limit: number

  constructor(limit = FRAME_BYTES_MAX) {
    this.limit = limit
  }

  /**
   * Takes the next piece and yields the payloads it completes, in order: views of `piece` where
   * they lie in it whole. To be iterated to the end before the next piece; the limit may be changed
   * in between. Throws `MR_PROTOCOL` on a length over the limit; the stream is of no use
   * afterwards.
   */
  *push(piece: Uint8Array): Generator<Uint8Array, void, undefined> {
    let at = 0
    while (at < piece.length) {
      if (this.#body === undefined) {
        at = this.#takeHeader(piece, at)
        if (this.#headerBytes < HEADER_BYTES) break
        const whole = this.#begin(piece, at)
        if (whole === undefined) continue
        at += whole.length
        yield whole
      } else {
        const end = Math.min(piece.length, at + this.#body.length - this.#bodyBytes)
        this.#body.set(piece.subarray(at, end), this.#bodyBytes)
        this.#bodyBytes += end - at
        at = end
        if (this.#bodyBytes === this.#body.length) {
          const body = this.#body
          this.#body = undefined
          yield body
        }
      }
    }
  }

  #takeHeader(piece: Uint8Array, at: number): number {
    const end = Math.min(piece.length, at + HEADER_BYTES - this.#headerBytes)
    this.#header.set(piece.subarray(at, end), this.#headerBytes)
    this.#headerBytes += end - at
    return end
  }

  /**
   * A payload that lies whole in `piece`, or undefined after room was made for one that does not.
   */
  #begin(piece: Uint8Array, at: number): Uint8Array | undefined {
    const length = new DataView(this.#header.buffer).getUint32(0, true)
    this.#headerBytes = 0
    if (length > this.limit) {
      throw new MillraceError(
        'MR_PROTOCOL',
        `a message of ${String(length)} bytes was announced: the limit is ${String(this.limit)}`,
      )
    }
    if (at + length <= piece.length) return piece.subarray(at, at + length)
    this.#body = new Uint8Array(length)
    this.#bodyBytes = 0
    return undefined
  }
}
