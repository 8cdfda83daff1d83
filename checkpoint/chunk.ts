/**
 * A chunk: all keys and values of one hash prefix of one state partition, as of one commit.
 *
 *   body := u64 asOf | u8 depth | u32 prefix | u32 count | record*
 *
 * A chunk of depth d holds the hashes whose top d bits are those of `prefix` (whose other bits are
 * 0). The chunks of a partition are prefix-free and cover every hash: `coverProblem` says what is
 * wrong, or nothing. Pure; no I/O.
 */
import type { ByteReader } from '../src/base/bytes.ts'
import type { Located } from './arena.ts'
import {
  beginPiece,
  chunkName,
  finishPiece,
  openPiece,
  putRecord,
  stateDamaged,
  wellFormed,
} from './piece.ts'

/** A region of the hash space. */
export interface Region {
  readonly depth: number
  readonly prefix: number
}

export interface OpenChunk extends Region {
  readonly name: string
  readonly asOf: number
  readonly count: number
  /** Stands at the first record. */
  readonly records: ByteReader
}

export const DEPTH_MAX = 32

/** How many hashes a region of this depth holds. */
export const spanOf = (depth: number): number => 2 ** (DEPTH_MAX - depth)

export const holdsHash = (region: Region, hash: number): boolean =>
  hash >= region.prefix && hash < region.prefix + spanOf(region.depth)

export const halves = ({ depth, prefix }: Region): readonly [Region, Region] => [
  { depth: depth + 1, prefix },
  { depth: depth + 1, prefix: prefix + spanOf(depth + 1) },
]

export function parentOf({ depth, prefix }: Region): Region {
  const span = spanOf(depth - 1)
  return { depth: depth - 1, prefix: Math.floor(prefix / span) * span }
}

export function encodeChunk(
  region: Region,
  asOf: number,
  sizeHint: number,
  entries: Iterable<Located>,
): Uint8Array {
  let count = 0
  const body = beginPiece(sizeHint + 64)
    .u64(asOf)
    .u8(region.depth)
    .u32(region.prefix)
  const countAt = body.length
  body.u32(0)
  for (const entry of entries) {
    putRecord(body, entry)
    count += 1
  }
  const bytes = body.view()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(countAt, count, true)
  return finishPiece(body)
}

/** Throws `MR_STATE_DAMAGED`. */
export function openChunk(name: string, bytes: Uint8Array): OpenChunk {
  const records = openPiece(name, bytes)
  const chunk = wellFormed(name, () => ({
    asOf: records.u64(),
    depth: records.u8(),
    prefix: records.u32(),
    count: records.u32(),
  }))
  if (chunkName(chunk.depth, chunk.prefix) !== name) throw stateDamaged(name, 'it is another chunk')
  return { name, records, ...chunk }
}

/** What keeps these regions, sorted by prefix, from covering every hash exactly once. */
export function coverProblem(regions: readonly Region[]): string | undefined {
  let end = 0
  for (const { depth, prefix } of regions) {
    if (depth > DEPTH_MAX || prefix % spanOf(depth) !== 0)
      return `no region: depth ${String(depth)}`
    if (prefix > end) return `the chunk before ${chunkName(depth, prefix)} is missing`
    if (prefix < end) return `${chunkName(depth, prefix)} overlaps the chunk before it`
    end = prefix + spanOf(depth)
  }
  return end === 2 ** DEPTH_MAX ? undefined : 'the last chunk is missing'
}
