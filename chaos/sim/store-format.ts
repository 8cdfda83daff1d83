/**
 * What LevelDB's twin writes into its files. Pure.
 *
 *   frames   := ( length:u32le  crc32c:u32le  bytes )*      a log or a MANIFEST
 *   batch    := entry*                                      one frame of a log; all of a table
 *   entry    := key length:u32le  value length + 1:u32le (0: deleted)  key  value
 *
 * As LevelDB does, a reader of a log goes over a frame that is wrong, without a word; a table is
 * not verified at all; a MANIFEST that ends too early is an older one, and one that is wrong is
 * corruption.
 */
import { crc32c } from '../../src/base/checksum.ts'

const HEAD = 8

export interface Edit {
  /** Number of the log that holds what no table has. */
  readonly log: number
  readonly tables: readonly number[]
}

export type Entry = readonly [key: string, value: Uint8Array | undefined]

export function frame(bytes: Uint8Array): Uint8Array {
  const framed = Buffer.allocUnsafe(HEAD + bytes.length)
  framed.writeUInt32LE(bytes.length, 0)
  framed.writeUInt32LE(crc32c(bytes), 4)
  framed.set(bytes, HEAD)
  return framed
}

interface Frames {
  readonly good: readonly Uint8Array[]
  readonly wrong: number
}

function framesOf(bytes: Uint8Array): Frames {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const good: Uint8Array[] = []
  let wrong = 0
  for (let at = 0; at + HEAD <= view.length;) {
    const length = view.readUInt32LE(at)
    if (length === 0 || at + HEAD + length > view.length) break
    const inner = view.subarray(at + HEAD, at + HEAD + length)
    if (crc32c(inner) === view.readUInt32LE(at + 4)) good.push(inner)
    else wrong += 1
    at += HEAD + length
  }
  return { good, wrong }
}

export function encodeEntries(entries: Iterable<Entry>): Uint8Array {
  const parts: Uint8Array[] = []
  for (const [key, value] of entries) {
    const name = Buffer.from(key)
    const head = Buffer.allocUnsafe(HEAD)
    head.writeUInt32LE(name.length, 0)
    head.writeUInt32LE(value === undefined ? 0 : value.length + 1, 4)
    parts.push(head, name)
    if (value !== undefined) parts.push(value)
  }
  return Buffer.concat(parts)
}

/** Throws on a structure that cannot be. */
export function decodeEntries(bytes: Uint8Array): Entry[] {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const entries: Entry[] = []
  for (let at = 0; at < view.length;) {
    if (at + HEAD > view.length) throw new Error('Corruption: bad block')
    const keyEnd = at + HEAD + view.readUInt32LE(at)
    const size = view.readUInt32LE(at + 4)
    const end = keyEnd + Math.max(0, size - 1)
    if (end > view.length) throw new Error('Corruption: bad block')
    const value = size === 0 ? undefined : new Uint8Array(view.subarray(keyEnd, end))
    entries.push([view.toString('utf8', at + HEAD, keyEnd), value])
    at = end
  }
  return entries
}

/** The batches of a log that can be read. */
export const batchesOf = (log: Uint8Array): Entry[][] => framesOf(log).good.map(decodeEntries)

export const encodeEdit = (edit: Edit): Uint8Array => frame(Buffer.from(JSON.stringify(edit)))

/** What a MANIFEST says; nothing at all where it was cut. */
export function decodeManifest(bytes: Uint8Array): Edit {
  const { good, wrong } = framesOf(bytes)
  if (wrong > 0) throw new Error('Corruption: checksum mismatch in MANIFEST')
  const last = good.at(-1)
  if (last === undefined) return { log: 0, tables: [] }
  const edit: unknown = JSON.parse(Buffer.from(last).toString())
  if (typeof edit !== 'object' || edit === null) throw new Error('Corruption: MANIFEST')
  const { log, tables } = { log: 0, tables: [], ...edit }
  return { log, tables }
}

export const tableName = (n: number): string => `${digits(n)}.ldb`
export const logName = (n: number): string => `${digits(n)}.log`
export const manifestName = (n: number): string => `MANIFEST-${digits(n)}`
export const temporaryName = (n: number): string => `${digits(n)}.dbtmp`
const digits = (n: number): string => String(n).padStart(6, '0')

/** The number in a file's name, or 0. */
export const numberIn = (name: string): number => Number(/\d{6,}/.exec(name)?.[0] ?? 0)

export const isLog = (name: string): boolean => name.endsWith('.log')

/** LevelDB's order of keys: by their bytes. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0
  if (SURROGATE.test(a) || SURROGATE.test(b)) return Buffer.compare(Buffer.from(a), Buffer.from(b))
  return a < b ? -1 : 1
}
const SURROGATE = /[\ud800-\udfff]/
