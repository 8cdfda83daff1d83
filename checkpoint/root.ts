/**
 * The root record: what one commit says about the whole checkpoint. It is written in the same batch
 * as the commit, and the two newest are kept, under `root/` and 16 hex digits of the number.
 *
 *   root := 'MRcp' | u32 format version = 1 | identity (16 bytes)
 *         | u64 number | u64 batch time | u64 owner epoch | u64 log position
 *         | u64 entries | u32 set-digest low | u32 set-digest high
 *         | digest of the root before (16 bytes) | u32 CRC-32C of all before
 *   digest of a root := the first 16 bytes of SHA-256 over its bytes
 *
 * Frame kept by every version to come: magic, version, anything, CRC-32C of all before in the last
 * four bytes; so a newer format is told from damage. Pure; no I/O.
 */
import { createHash } from 'node:crypto'
import { assert } from '../src/base/assert.ts'
import { ByteReader, ByteWriter, utf8 } from '../src/base/bytes.ts'
import { crc32c } from '../src/base/checksum.ts'
import { hex } from './piece.ts'
import { EMPTY_SET, type SetDigest } from './set-digest.ts'

export const FORMAT_VERSION = 1
export const ROOT_PREFIX = 'root/'
/** The first key after every root. */
export const ROOT_END = 'root0'
export const IDENTITY_BYTES = 16
export const DIGEST_BYTES = 16
const MAGIC = new ByteReader(utf8('MRcp')).u32()
const ROOT_BYTES = 92

export interface Root {
  readonly number: number
  /** Batch time in milliseconds; 0 before the first commit. */
  readonly time: number
  /** Of the owner that wrote it. */
  readonly epoch: number
  /** Position of the log that was proven durable when this was written. */
  readonly logPosition: number
  readonly identity: Uint8Array
  /** Of all live entries, roots excepted. */
  readonly set: SetDigest
  /** Digest of the root before; zeros in the first. */
  readonly previous: Uint8Array
  /** Digest of this root: it stands for the whole history up to here. */
  readonly digest: Uint8Array
}

export type ReadRoot =
  | { readonly kind: 'root'; readonly root: Root }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'damaged'; readonly why: string }

export const rootKey = (number: number): string => ROOT_PREFIX + hex(number, 16)

/** The root of an empty checkpoint: number 0. */
export function firstRoot(identity: Uint8Array): Root {
  const zeros = new Uint8Array(DIGEST_BYTES)
  const origin = { number: 0, time: 0, epoch: 0, logPosition: 0 }
  return withDigest({ ...origin, identity, set: EMPTY_SET, previous: zeros })
}

/** Completes a root with its digest. */
export function withDigest(root: Omit<Root, 'digest'>): Root {
  return { ...root, digest: digestOf(encodeRoot(root)) }
}

export function encodeRoot(root: Omit<Root, 'digest'>): Uint8Array {
  assert(root.identity.length === IDENTITY_BYTES, 'an identity has 16 bytes')
  assert(root.previous.length === DIGEST_BYTES, 'a digest has 16 bytes')
  const writer = new ByteWriter(ROOT_BYTES)
    .u32(MAGIC)
    .u32(FORMAT_VERSION)
    .raw(root.identity)
    .u64(root.number)
    .u64(root.time)
    .u64(root.epoch)
    .u64(root.logPosition)
    .u64(root.set.entries)
    .u32(root.set.low)
    .u32(root.set.high)
    .raw(root.previous)
  return writer.u32(crc32c(writer.view())).finish()
}

/**
 * Checks everything a root says about itself; whether it is true of the entries is for the caller
 * to find out.
 */
export function readRoot(key: string, bytes: Uint8Array): ReadRoot {
  if (bytes.length < 12) return damaged(key, `only ${String(bytes.length)} bytes`)
  const end = bytes.length - 4
  if (new ByteReader(bytes, end).u32() !== crc32c(bytes.subarray(0, end))) {
    return damaged(key, 'bad checksum')
  }
  const reader = new ByteReader(bytes)
  if (reader.u32() !== MAGIC) return damaged(key, 'no root')
  const version = reader.u32()
  if (version > FORMAT_VERSION) return { kind: 'newer', version }
  if (version !== FORMAT_VERSION || bytes.length !== ROOT_BYTES) return damaged(key, 'bad form')
  const root = readFields(reader, bytes)
  return rootKey(root.number) === key ? { kind: 'root', root } : damaged(key, 'another root')
}

function readFields(reader: ByteReader, bytes: Uint8Array): Root {
  const identity = new Uint8Array(reader.raw(IDENTITY_BYTES))
  const number = reader.u64()
  const time = reader.u64()
  const epoch = reader.u64()
  const logPosition = reader.u64()
  const entries = reader.u64()
  const set = { low: reader.u32(), high: reader.u32(), entries }
  const previous = new Uint8Array(reader.raw(DIGEST_BYTES))
  return { number, time, epoch, logPosition, identity, set, previous, digest: digestOf(bytes) }
}

const damaged = (key: string, why: string): ReadRoot => ({
  kind: 'damaged',
  why: `root record ${key}: ${why}`,
})

const digestOf = (bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(bytes).digest().subarray(0, DIGEST_BYTES))
