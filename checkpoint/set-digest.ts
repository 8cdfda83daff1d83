/**
 * A digest of a set of entries that does not depend on their order: the sum, in two 32-bit lanes,
 * of a mix of each entry's key, checksum and length. A put adds, a delete subtracts, so a commit
 * costs what it changes and not what there is. Pure; the mix is part of the format and pinned by
 * golden values.
 */
import { utf8 } from '../src/base/bytes.ts'
import { hashBytes } from '../src/base/keys.ts'
import { checksumOf } from './wrapped-value.ts'

/** What one entry adds. */
export interface Contribution {
  readonly low: number
  readonly high: number
  /** Length of the wrapped value. */
  readonly bytes: number
}

export interface SetDigest {
  readonly low: number
  readonly high: number
  readonly entries: number
}

export const EMPTY_SET: SetDigest = { low: 0, high: 0, entries: 0 }

/** Of a wrapped value whose checksum holds. */
export function contributionOf(key: string, wrapped: Uint8Array): Contribution {
  const words = [hashBytes(utf8(key)), checksumOf(wrapped), wrapped.length]
  return { low: lane(0x6d696c6c, words), high: lane(0x72616365, words), bytes: wrapped.length }
}

export const sameContribution = (a: Contribution, b: Contribution | undefined): boolean =>
  b !== undefined && a.low === b.low && a.high === b.high && a.bytes === b.bytes

export const added = (set: SetDigest, entry: Contribution): SetDigest => ({
  low: (set.low + entry.low) >>> 0,
  high: (set.high + entry.high) >>> 0,
  entries: set.entries + 1,
})

export const removed = (set: SetDigest, entry: Contribution): SetDigest => ({
  low: (set.low - entry.low) >>> 0,
  high: (set.high - entry.high) >>> 0,
  entries: set.entries - 1,
})

export const sameSet = (a: SetDigest, b: SetDigest): boolean =>
  a.low === b.low && a.high === b.high && a.entries === b.entries

/** MurmurHash3 (32 bits) over the words. */
function lane(seed: number, words: readonly number[]): number {
  let h = seed
  for (const word of words) {
    let k = Math.imul(word, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    h ^= k
    h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0
  }
  h ^= words.length * 4
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
