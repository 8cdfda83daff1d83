/**
 * LevelDB's own checksums, verified before LevelDB is asked. It reads the blocks of its tables
 * without looking at their checksums, and what it then takes for keys can end the process by an
 * assertion in C++: no error, no other store, a daemon that dies at every start. Pure.
 *
 *   table    = block* metaindex index footer      block = contents | u8 compression | u32 sum
 *   footer   = handle of metaindex | handle of index | padding | magic, 48 bytes
 *   manifest = fragments of edits in blocks of 32 KiB: u32 sum | u16 length | u8 type | bytes
 *
 * Only tables that the manifest lists count: a kill in the middle of a compaction leaves half a
 * table that nobody refers to. The manifest and the log are verified by LevelDB itself.
 */
import { crc32c } from '../base/checksum.ts'
import { unsnap } from './snappy.ts'

const TRAILER = 5
const FOOTER = 48
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]

interface Handle {
  readonly offset: number
  readonly size: number
}

/** Reads numbers; past the end, and beyond safe integers, it gives NaN and stays there. */
class Cursor {
  readonly #bytes: Uint8Array
  at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  get whole(): boolean {
    return this.at <= this.#bytes.length
  }

  varint(): number {
    let n = 0
    for (let i = 0; i < 8; i++) {
      const byte = this.#bytes[this.at++]
      if (byte === undefined) break
      n += (byte & 0x7f) * 2 ** (7 * i)
      if (byte < 0x80) return Number.isSafeInteger(n) ? n : Number.NaN
    }
    this.at = Number.NaN
    return Number.NaN
  }

  skip(bytes: number): void {
    this.at += bytes
  }

  handle(): Handle {
    return { offset: this.varint(), size: this.varint() }
  }
}

const u32 = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)

/** LevelDB stores its sums rotated, with a constant added. */
const masked = (sum: number): number => (((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0

/** What is wrong with a table, or undefined. */
export function tableFault(bytes: Uint8Array): string | undefined {
  const end = bytes.length - FOOTER
  if (end < 0) return `cut at ${String(bytes.length)} bytes`
  const magicAt = bytes.length - MAGIC.length
  if (MAGIC.some((byte, i) => bytes[magicAt + i] !== byte)) return 'no table ends here'
  const footer = new Cursor(bytes, end)
  const metaindex = footer.handle()
  const index = footer.handle()
  const contents = block(bytes, index)
  if (contents === undefined) return badBlock(index)
  const handles = handlesIn(contents)
  if (handles === undefined) return 'the index cannot be read'
  let at = 0
  for (const handle of handles) {
    if (handle.offset !== at) return `no block is listed for byte ${String(at)}`
    if (!sumHolds(bytes, handle)) return badBlock(handle)
    at += handle.size + TRAILER
  }
  // What lies between the data and the metaindex is a filter block.
  const filter = { offset: at, size: metaindex.offset - at - TRAILER }
  if (metaindex.offset !== at && !sumHolds(bytes, filter)) return badBlock(filter)
  return sumHolds(bytes, metaindex) ? undefined : badBlock(metaindex)
}

const badBlock = ({ offset }: Handle): string =>
  `the checksum of the block at byte ${String(offset)} does not match`

function sumHolds(bytes: Uint8Array, { offset, size }: Handle): boolean {
  const end = offset + size
  if (!(size >= 0 && end + TRAILER <= bytes.length)) return false
  return masked(crc32c(bytes.subarray(offset, end + 1))) === u32(bytes, end + 1)
}

function block(bytes: Uint8Array, handle: Handle): Uint8Array | undefined {
  if (!sumHolds(bytes, handle)) return undefined
  const end = handle.offset + handle.size
  const stored = bytes.subarray(handle.offset, end)
  return bytes[end] === 0 ? stored : unsnap(stored)
}

/** The handles of an index block: entries of shared, unshared and value length, key, value. */
function handlesIn(contents: Uint8Array): Handle[] | undefined {
  if (contents.length < 4) return undefined
  const restarts = u32(contents, contents.length - 4)
  const end = contents.length - 4 - 4 * restarts
  const cursor = new Cursor(contents)
  const handles: Handle[] = []
  while (cursor.at < end) {
    cursor.varint()
    const unshared = cursor.varint()
    const length = cursor.varint()
    cursor.skip(unshared)
    const next = cursor.at + length
    handles.push(cursor.handle())
    cursor.at = next
  }
  return cursor.at === end ? handles : undefined
}

const LOG_BLOCK = 32 * 1024
const LOG_HEADER = 7
const FRAGMENT = { full: 1, first: 2, middle: 3, last: 4 } as const

/** Numbers of the tables a manifest lists, as far as it can be read. */
export function tablesIn(manifest: Uint8Array): ReadonlySet<number> {
  const tables = new Set<number>()
  for (const edit of edits(manifest)) if (!apply(edit, tables)) break
  return tables
}

function* edits(bytes: Uint8Array): Generator<Uint8Array> {
  let fragments: Uint8Array[] = []
  for (let at = 0; at + LOG_HEADER <= bytes.length;) {
    const left = LOG_BLOCK - (at % LOG_BLOCK)
    if (left < LOG_HEADER) {
      at += left
      continue
    }
    const length = (bytes[at + 4] ?? 0) + (bytes[at + 5] ?? 0) * 256
    const type = bytes[at + 6] ?? 0
    const end = at + LOG_HEADER + length
    if (end > bytes.length || masked(crc32c(bytes.subarray(at + 6, end))) !== u32(bytes, at)) return
    if (type === FRAGMENT.full || type === FRAGMENT.first) fragments = []
    fragments.push(bytes.subarray(at + LOG_HEADER, end))
    if (type === FRAGMENT.full || type === FRAGMENT.last) yield Buffer.concat(fragments)
    at = end
  }
}

/** Applies an edit; false when it cannot be understood. */
function apply(edit: Uint8Array, tables: Set<number>): boolean {
  const cursor = new Cursor(edit)
  const skipText = (): void => {
    cursor.skip(cursor.varint())
  }
  while (cursor.at < edit.length) {
    switch (cursor.varint()) {
      case 1: // name of the comparator
        skipText()
        break
      case 2: // numbers: of the log, of the next file, of the last sequence, of the log before
      case 3:
      case 4:
      case 9:
        cursor.varint()
        break
      case 5: // where a level's next compaction begins
        cursor.varint()
        skipText()
        break
      case 6: // a table that is gone: level, number
        cursor.varint()
        tables.delete(cursor.varint())
        break
      case 7: // a new table: level, number, size, smallest and largest key
        cursor.varint()
        tables.add(cursor.varint())
        cursor.varint()
        skipText()
        skipText()
        break
      default:
        return false
    }
  }
  return cursor.whole
}
