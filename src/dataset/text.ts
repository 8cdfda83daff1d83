/**
 * Rows out of chunks. Text is decoded here and nowhere else: slice by slice, so that the strings of
 * a large block are never all alive at once; pure ASCII (the common case) takes the fast road.
 */
import { isAscii } from 'node:buffer'
import { assert } from '../base/assert.ts'
import { utf8Text } from '../base/bytes.ts'
import type { Chunk, TextChunk } from './chunk.ts'
import { CHUNK_ROWS_MAX, TEXT_SLICE_BYTES } from './limits.ts'

const NEWLINE = 10

/** The rows of chunks, in arrays of at most `CHUNK_ROWS_MAX`. */
export function* rowsOf<T>(chunks: Iterable<Chunk<T>>): Generator<readonly T[], void, undefined> {
  for (const chunk of chunks) {
    if (chunk.kind === 'values') yield* bounded(chunk.rows)
    else for (const lines of linesOf(chunk)) yield* bounded(asRows<T>(lines))
  }
}

/** Single rows: for functions that take a partition as one iterable. */
export function* eachRow<T>(chunks: Iterable<Chunk<T>>): Generator<T, void, undefined> {
  for (const rows of rowsOf(chunks)) yield* rows
}

/** Number of rows, without decoding text. */
export function countOf(chunk: Chunk<unknown>): number {
  return chunk.kind === 'values' ? chunk.rows.length : chunk.count
}

export function valuesChunk<T>(rows: readonly T[]): Chunk<T> {
  return { kind: 'values', rows }
}

/** Rows as chunks of at most `CHUNK_ROWS_MAX`. */
export function chunksOf<T>(rows: readonly T[]): Iterable<Chunk<T>> {
  return rows.length <= CHUNK_ROWS_MAX ? [valuesChunk(rows)] : cut(rows)
}

function* cut<T>(rows: readonly T[]): Generator<Chunk<T>, void, undefined> {
  for (const part of bounded(rows)) yield valuesChunk(part)
}

function* bounded<T>(rows: readonly T[]): Generator<readonly T[], void, undefined> {
  if (rows.length <= CHUNK_ROWS_MAX) yield rows
  else {
    for (let at = 0; at < rows.length; at += CHUNK_ROWS_MAX) {
      yield rows.slice(at, at + CHUNK_ROWS_MAX)
    }
  }
}

/** Text chunks stand only in datasets of strings: what is decoded from bytes here is a `T`. */
function asRows<T>(lines: readonly string[]): readonly T[] {
  return lines as readonly unknown[] as readonly T[]
}

function* linesOf(chunk: TextChunk): Generator<string[], void, undefined> {
  const { bytes } = chunk
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let from = 0; from < buffer.length;) {
    const until = sliceEnd(buffer, from)
    const slice = buffer.subarray(from, until)
    // Without the last "\n", so that `split` makes no empty line after it.
    const body = slice.subarray(0, slice.length - 1)
    yield (isAscii(body) ? body.toString('latin1') : utf8Text(body)).split('\n')
    from = until
  }
}

/** The end of a slice of whole lines. */
function sliceEnd(buffer: Buffer, from: number): number {
  const wanted = from + TEXT_SLICE_BYTES
  if (wanted >= buffer.length) {
    assert(buffer[buffer.length - 1] === NEWLINE, 'a text chunk ends with a newline')
    return buffer.length
  }
  const before = buffer.lastIndexOf(NEWLINE, wanted - 1)
  if (before >= from) return before + 1
  const after = buffer.indexOf(NEWLINE, wanted)
  assert(after >= 0, 'a text chunk ends with a newline')
  return after + 1
}
