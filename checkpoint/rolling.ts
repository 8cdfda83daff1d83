/**
 * Which chunks are rewritten at a commit, and how they split and merge. Pure: it reads an overlay
 * and makes pieces.
 *
 * The rule. Every commit earns credit: the bytes of its delta plus a floor; rewriting a chunk
 * spends its bytes, oldest `asOf` first, while credit is above zero; what the last one overdraws is
 * paid by later commits. Credit is never saved up.
 *
 * The bounds that follow (D: delta bytes of the commits meant, S: bytes of the state as chunks):
 *   - chunk bytes written ≤ D + floor · commits + one overdraft, and none once no delta waits
 *   - a delta goes when every chunk was rewritten after it. That round costs at most S as it then
 *     stands, and every byte of delta earns a byte of it: deltas kept ≤ S + the newest delta + one
 *     overdraft. (Were S growing by all of D, the part already rewritten does not count again, so
 *     it is less.)
 *   - an overdraft is one chunk: 2 MiB at its last rewrite, plus what its deltas have added since
 */
import { present } from '../src/base/assert.ts'
import { DEPTH_MAX, encodeChunk, halves, holdsHash, parentOf, type Region } from './chunk.ts'
import type { Overlay } from './overlay.ts'

/** A chunk over this many bytes splits. */
export const CHUNK_BYTES_MAX = 2 * 1024 * 1024
/** Two sibling chunks that are both below this merge. */
const MERGE_BYTES_MAX = CHUNK_BYTES_MAX / 8
const FLOOR_BYTES_MIN = 4 * 1024
const FLOOR_BYTES_MAX = 64 * 1024
const FLOOR_FRACTION = 64
const RECORD_OVERHEAD_BYTES = 6
/** One pass over a region sorts its bytes into this many sub-regions. */
const HISTOGRAM_BITS = 8

/** A chunk as it lies in the checkpoint. */
export interface Chunk extends Region {
  readonly asOf: number
  readonly bytes: number
  /** False only for the one empty chunk a new partition begins with. */
  readonly stored: boolean
}

export interface Rolled {
  readonly chunk: Chunk
  readonly encoded: Uint8Array
}

/**
 * What a commit earns besides its delta: a 64th of the state, so that deltas do not pile up by
 * number either.
 */
export const floorBytes = (stateBytes: number): number =>
  Math.max(FLOOR_BYTES_MIN, Math.min(FLOOR_BYTES_MAX, Math.floor(stateBytes / FLOOR_FRACTION)))

/**
 * Rewrites chunks as of commit `number` until the credit is spent or all are new. Returns the new
 * cover (sorted), what was rewritten and the credit left (zero or below).
 */
export function rollChunks(
  chunks: readonly Chunk[],
  overlay: Overlay,
  number: number,
  credit: number,
): {
  readonly cover: readonly Chunk[]
  readonly rolled: readonly Rolled[]
  readonly credit: number
} {
  const oldestFirst = chunks.toSorted((a, b) => a.asOf - b.asOf)
  const replaced = new Set<Chunk>()
  const rolled: Rolled[] = []
  let left = credit
  for (const oldest of oldestFirst) {
    if (left <= 0) break
    if (replaced.has(oldest)) continue
    const region = regionToRoll(chunks, oldest)
    for (const chunk of chunks) if (holdsHash(region, chunk.prefix)) replaced.add(chunk)
    for (const part of splitRegion(region, overlay)) {
      const encoded = encodeChunk(part.region, number, part.bytes, entriesIn(overlay, part.region))
      const chunk = { ...part.region, asOf: number, bytes: encoded.length, stored: true }
      rolled.push({ chunk, encoded })
      left -= encoded.length
    }
  }
  const cover = chunks.filter((chunk) => !replaced.has(chunk))
  for (const { chunk } of rolled) cover.push(chunk)
  cover.sort((a, b) => a.prefix - b.prefix)
  return { cover, rolled, credit: Math.min(0, left) }
}

const entriesIn = (overlay: Overlay, { depth, prefix }: Region) => overlay.locatedOf(depth, prefix)

/** The chunk's own region, or that of its parent where the two halves have become small. */
function regionToRoll(chunks: readonly Chunk[], chunk: Chunk): Region {
  if (chunk.depth === 0 || chunk.bytes >= MERGE_BYTES_MAX) return chunk
  const parent = parentOf(chunk)
  const family = chunks.filter((other) => holdsHash(parent, other.prefix))
  const small = family.every((c) => c.depth === chunk.depth && c.bytes < MERGE_BYTES_MAX)
  return small && family.length === 2 ? parent : chunk
}

interface Part {
  readonly region: Region
  readonly bytes: number
}

/** The region, or the parts of it that hold at most `CHUNK_BYTES_MAX` each. */
function splitRegion(region: Region, overlay: Overlay): Part[] {
  const bytesMax = overlay.payloadBytesMax + RECORD_OVERHEAD_BYTES * overlay.size
  if (bytesMax <= CHUNK_BYTES_MAX) return [{ region, bytes: bytesMax }]
  const bits = Math.min(HISTOGRAM_BITS, DEPTH_MAX - region.depth)
  const shift = DEPTH_MAX - region.depth - bits
  const bytes = new Float64Array(2 ** bits)
  for (const { hash, keyLength, valueLength } of entriesIn(overlay, region)) {
    const bucket = Math.floor((hash - region.prefix) / 2 ** shift)
    bytes[bucket] = (bytes[bucket] ?? 0) + keyLength + valueLength + RECORD_OVERHEAD_BYTES
  }
  return splitBy(region, bytes, overlay)
}

function splitBy(region: Region, bytes: Float64Array, overlay: Overlay): Part[] {
  const total = bytes.reduce((sum, n) => sum + n, 0)
  if (total <= CHUNK_BYTES_MAX || region.depth === DEPTH_MAX) return [{ region, bytes: total }]
  if (bytes.length === 1) return splitRegion(region, overlay)
  const half = bytes.length / 2
  const [low, high] = halves(region)
  const parts = splitBy(low, bytes.subarray(0, half), overlay)
  return parts.concat(splitBy(high, bytes.subarray(half), overlay))
}

/**
 * The commit number as of which the chunk of this hash holds its keys. The cover is sorted and
 * complete.
 */
export function asOfHash(cover: readonly Chunk[], hash: number): number {
  let low = 0
  let high = cover.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (present(cover[middle], 'chunk').prefix <= hash) low = middle
    else high = middle - 1
  }
  return present(cover[low], 'chunk of a hash').asOf
}
