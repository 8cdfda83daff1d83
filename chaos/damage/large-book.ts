/**
 * A log and a checkpoint as large as wished. Every payload, key and value follows from its number,
 * so the judge needs no copy to know what is right.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

import { ManualClock } from '../../src/host/manual-clock.ts'
import { chunkName } from '../../checkpoint/piece.ts'
import type { Located } from '../../checkpoint/arena.ts'
import { encodeChunk, spanOf } from '../../checkpoint/chunk.ts'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import { openLog } from '../../wal/log.ts'
import { RECORD_KIND, type RecordRef } from '../../wal/record.ts'
import { HOST, IDENTITY } from './stores-book.ts'

const RECORD_BYTES = 48 * 1024
const TOGETHER = 16
const DEPTH = 6
export const CHUNKS = 2 ** DEPTH

export interface LargeBook {
  readonly log: string
  readonly stores: string
  readonly refs: readonly RecordRef[]
  readonly proven: number
  readonly keys: number
  /** Bytes of each chunk as they were committed, by name. */
  readonly chunks: ReadonlyMap<string, Uint8Array>
}

export function payloadOf(serial: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(RECORD_BYTES).fill(serial % 251)
  new DataView(bytes.buffer).setUint32(0, serial)
  return bytes
}

/** Numbers of the keys of a chunk, in their order. */
export function* keysOf(chunk: number, keys: number): Generator<number> {
  for (let n = chunk; n < keys; n += CHUNKS) yield n
}

export function keyBytes(n: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setUint32(4, n)
  return bytes
}

export function valueBytes(n: number): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (let at = 0; at < 16; at += 4) view.setUint32(at, Math.imul(n + at, 0x9e3779b1) >>> 0)
  return bytes
}

export const nameOf = (chunk: number): string => chunkName(DEPTH, chunk * spanOf(DEPTH))

export async function writeLarge(
  scratch: string,
  size: { readonly megabytes: number; readonly keys: number },
): Promise<LargeBook> {
  const base = join(scratch, 'large')
  await mkdir(base)
  const log = join(base, 'log')
  const { refs, proven } = await writeLog(log, size.megabytes)
  const stores = join(base, 'stores')
  const chunks = await writeChunks(stores, size.keys)
  return { log, stores, refs, proven, keys: size.keys, chunks }
}

async function writeLog(
  directory: string,
  megabytes: number,
): Promise<{ refs: RecordRef[]; proven: number }> {
  const { log } = await openLog(
    { fs: HOST.fs, clock: new ManualClock() },
    {
      directory,
      identity: IDENTITY,
      durability: 'none',
      apply: () => undefined,
      snapshot: () => [],
    },
  )
  const records = Math.ceil((megabytes * 1024 * 1024) / RECORD_BYTES)
  const refs: RecordRef[] = []
  while (refs.length < records) {
    const serials = Array.from({ length: TOGETHER }, (_, i) => refs.length + i)
    const entries = serials.map((serial) => ({
      kind: RECORD_KIND.blockAddition,
      parts: [payloadOf(serial)],
    }))
    refs.push(...(await log.appendAll(entries)))
  }
  await log.sync()
  const proven = log.durable
  await log.close()
  return { refs, proven }
}

const located = (key: Uint8Array, value: Uint8Array): Located => ({
  bytes: Buffer.concat([key, value]),
  from: 0,
  keyLength: key.length,
  valueLength: value.length,
  hash: 0,
})

async function writeChunks(directory: string, keys: number): Promise<Map<string, Uint8Array>> {
  const chunks = new Map<string, Uint8Array>()
  const { checkpoint } = await openCheckpoint(HOST, { directory, identity: IDENTITY, create: true })
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const region = { depth: DEPTH, prefix: chunk * spanOf(DEPTH) }
    const entries = [...keysOf(chunk, keys)].map((n) => located(keyBytes(n), valueBytes(n)))
    chunks.set(nameOf(chunk), encodeChunk(region, 1, entries.length * 26, entries).slice())
  }
  const puts = [...chunks].map(([key, value]) => ({ key, value }))
  for (let at = 0; at < puts.length; at += 8) {
    const some = puts.slice(at, at + 8)
    await checkpoint.commit({ time: 1, epoch: 1, logPosition: 1, puts: some, deletes: [] })
  }
  await checkpoint.close()
  return chunks
}
