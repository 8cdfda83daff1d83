/**
 * The contract between a source of records and the log. A receiver keeps the bytes it was given,
 * cut at record borders, hands them over as blocks and acknowledges its own source only after `add`
 * has resolved.
 */

import type { ErrorCode } from '../base/errors.ts'

/** `text`: lines, each ended by "\n", valid UTF-8. `values`: `v8.serialize` of an array. */
export type BlockFormat = 'text' | 'values'

export interface Block {
  readonly format: BlockFormat
  readonly records: number
  /** Its bytes, one after the other; not to be changed before the block is stored. */
  readonly parts: readonly Uint8Array[]
  /** Who sent it under which number, where the protocol carries one. */
  readonly producer?: { readonly id: string; readonly sequence: number }
}

/** One input stream's way into the log. */
export interface BlockSink {
  /**
   * Resolves when the block is durable; waits while the log is paused (pressure goes back to the
   * source).
   */
  add(block: Block): Promise<'stored' | 'duplicate'>
  /** The highest sequence known to be stored for a producer, or -1. */
  highWater(producerId: string): number
  /** Largest block in bytes: what fits a record of the log. */
  readonly blockBytesMax: number
  /** True while `add` would wait: protocols that can refuse do so at once. */
  readonly paused: boolean
}

/** A running source. Restarts itself with backoff; never throws after `start`. */
export interface ReceiverHandle {
  start(): Promise<void>
  /** Stops taking, hands over what it holds, resolves when that is durable. */
  stop(): Promise<void>
}

/** `repeated`: nothing that its burst has not told before; a status follows it, a log does not. */
export type ReceiverEvent =
  /** `address`: where it listens, for those that do. */
  | { readonly kind: 'started'; readonly address?: string; readonly repeated?: true }
  | { readonly kind: 'stopped'; readonly message: string }
  /** `retryMs`: a new life follows after so long; undefined where the receiver goes on. */
  | {
      readonly kind: 'error'
      readonly code: ErrorCode
      readonly message: string
      readonly cause?: unknown
      readonly retryMs?: number
      readonly repeated?: true
    }
  /** Bad input that was counted and left out. */
  | {
      readonly kind: 'rejected'
      readonly records: number
      readonly reason: 'line too long' | 'invalid UTF-8'
    }
