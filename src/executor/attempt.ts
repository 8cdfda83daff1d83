/** One attempt at a batch, as the engine asks for it and gets it back. */
import type { RecordRef } from '../../wal/record.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Place } from '../dataset/runtime.ts'
import type { OutputResult } from '../dstream/batch.ts'

/** What was allocated to a batch for an input stream of the program. */
export type AttemptInput =
  | { readonly streamId: number; readonly kind: 'blocks'; readonly refs: readonly RecordRef[] }
  | {
      readonly streamId: number
      readonly kind: 'range'
      readonly from: number
      readonly until: number
    }

export interface AttemptRequest {
  /** Batch time in ms. */
  readonly time: number
  /** Grows with every attempt, whatever the batch: never used twice. */
  readonly attempt: number
  /** Number the commit of this batch will have. */
  readonly number: number
  readonly inputs: readonly AttemptInput[]
}

/** The changed pieces of one state partition. */
export interface StateChange {
  readonly uid: string
  readonly partition: number
  readonly puts: readonly { readonly name: string; readonly value: Uint8Array }[]
  readonly deletes: readonly string[]
}

/** An error that crossed a process border: text and code, no objects. */
export interface Failure {
  readonly code: ErrorCode
  readonly message: string
  /** The operators that ran; the one to blame where that is known. */
  readonly places: readonly Place[]
  readonly stack: string | undefined
}

export interface AttemptDone {
  readonly kind: 'done'
  readonly states: readonly StateChange[]
  readonly outputs: readonly OutputResult[]
  /** Input records that were read. */
  readonly records: number
}

/** What all executors made of an attempt. */
export type AttemptOutcome =
  | AttemptDone
  | {
      readonly kind: 'failed'
      readonly code: ErrorCode
      readonly message: string
      /** `app.ts:12:5`: where in the program; several where only their pipeline is known. */
      readonly place?: string
      readonly rank: number
      readonly stack?: string
    }

export type QueryAnswer =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknownState' }
