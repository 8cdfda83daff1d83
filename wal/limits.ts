/**
 * Every size the log knows, with the relations between them asserted. Nothing in `wal/` is bounded
 * by a number that does not stand here.
 */
import { assert } from '../src/base/assert.ts'

/**
 * Bytes before the first group of a segment: the header fills one sector, so it is written whole or
 * not at all.
 */
export const SEGMENT_HEADER_BYTES = 4096
export const GROUP_HEADER_BYTES = 44
export const RECORD_HEADER_BYTES = 9
/** Kept free at the end of each segment: a closing group and the seal always find room. */
export const SEGMENT_RESERVE_BYTES = 2 * GROUP_HEADER_BYTES

export const SEGMENT_BYTES_DEFAULT = 64 * 1024 * 1024
export const SEGMENT_BYTES_MIN = 16 * 1024
export const SEGMENT_BYTES_MAX = 1024 * 1024 * 1024
export const RECORD_BYTES_MAX_DEFAULT = 16 * 1024 * 1024
/**
 * A group takes waiting callers up to this size; a larger single record or `appendAll` makes a
 * group of its own.
 */
export const GROUP_BYTES_MAX = 4 * 1024 * 1024
/** Released or prepared segment files kept for the next rotations. */
export const SPARE_SEGMENTS_MAX = 2
/**
 * A spare is zero-filled in pieces of this size, each synced, so that no sync of the log waits
 * behind 64 MiB.
 */
export const ZERO_PIECE_BYTES = 1024 * 1024
/**
 * A spare is zero-filled only where groups are smaller than this on average. Zeros spare each sync
 * the allocation of its blocks and cost a second write of the whole segment: large groups, whose
 * syncs are few, go faster into a file of holes.
 */
export const ZEROED_GROUP_BYTES_MAX = 64 * 1024
export const OPEN_SEGMENTS_MAX = 8
export const INTERVAL_MS_DEFAULT = 100

/** Bytes of groups a segment of `segmentBytes` can hold. */
export const roomOf = (segmentBytes: number): number =>
  segmentBytes - SEGMENT_HEADER_BYTES - SEGMENT_RESERVE_BYTES

/**
 * Largest group (with its header) a segment accepts: half its room, since the opening group shares
 * it.
 */
export const groupLimitOf = (segmentBytes: number): number => Math.floor(roomOf(segmentBytes) / 2)

/** Largest payload that fits a group of its own. */
export const recordLimitOf = (segmentBytes: number): number =>
  groupLimitOf(segmentBytes) - GROUP_HEADER_BYTES - RECORD_HEADER_BYTES

assert(
  RECORD_BYTES_MAX_DEFAULT <= recordLimitOf(SEGMENT_BYTES_DEFAULT),
  'a default record fits a default segment',
)
assert(recordLimitOf(SEGMENT_BYTES_MIN) > 1024, 'the smallest segment holds useful records')
