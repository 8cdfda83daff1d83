/** What the log holds and where it lies. */

/**
 * Kinds of record. The log itself treats payloads as bytes; `src/blocks/events.ts` gives them
 * meaning.
 */
export const RECORD_KIND = {
  blockAddition: 1,
  batchAllocation: 2,
  batchCleanup: 3,
  /** The tracker as it stood when a segment began: replay may start at any retained segment. */
  snapshot: 4,
} as const
export type RecordKind = (typeof RECORD_KIND)[keyof typeof RECORD_KIND]

/** Where a record lies: enough for any process to read and check it without the log being open. */
export interface RecordRef {
  /**
   * Place in the one order of the log: bytes since its beginning; unique, growing, never reused.
   */
  readonly position: number
  /** Number of the segment, which names its file. */
  readonly segment: number
  /** Byte offset of the record in that file. */
  readonly offset: number
  /** Payload length in bytes. */
  readonly length: number
  /** The owner's epoch under which it was written; part of the checksum. */
  readonly epoch: number
}

export interface LogRecord {
  readonly ref: RecordRef
  readonly kind: RecordKind
  /** Valid only during the call that hands it over. */
  readonly payload: Uint8Array
}

export type Durability = 'sync' | 'interval' | 'none'

/**
 * What a caller appends: the payload is the concatenation of `parts`, which must not change until
 * it is durable.
 */
export interface LogEntry {
  readonly kind: RecordKind
  readonly parts: readonly Uint8Array[]
}
