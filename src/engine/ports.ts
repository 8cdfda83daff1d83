/**
 * What the batch loop needs of the parts around it: so that it can be read, and tested, by itself.
 */
import type { CommitInput } from '../../checkpoint/checkpoint.ts'
import type { RecordRef } from '../../wal/record.ts'
import type { OutputResult } from '../dstream/batch.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { ChildProcess } from '../host/host.ts'
import type { ExecutorStatus } from './status.ts'

/** What an executor computes a batch from, by stream of the program. */
export type AttemptInput =
  | { readonly streamId: number; readonly kind: 'blocks'; readonly refs: readonly RecordRef[] }
  | {
      readonly streamId: number
      readonly kind: 'range'
      readonly from: number
      readonly until: number
    }

export interface AttemptRequest {
  readonly time: number
  /** Unique over all attempts of all batches and lives, and growing. */
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

export type AttemptOutcome =
  | {
      readonly kind: 'done'
      readonly states: readonly StateChange[]
      readonly outputs: readonly OutputResult[]
    }
  | {
      readonly kind: 'failed'
      readonly code: string
      readonly message: string
      readonly place?: string
      readonly rank?: number
      readonly cause?: unknown
    }

/** All executors of the program. After `failed` the team is whole again before the next `run`. */
export interface Team {
  run(request: AttemptRequest): Promise<AttemptOutcome>
  /** The batch of this attempt is committed: overlays merge. */
  committed(attempt: number): void
}

/** The two stores, as far as a commit goes. */
export interface Committer {
  readonly root: { readonly number: number }
  commit(input: CommitInput): Promise<{ readonly number: number; readonly digest: Uint8Array }>
}

/** The whole life of a team, as the engine sees it; of processes or inline. */
export interface TeamHandle extends Team {
  /**
   * Starts every executor, builds the graph in each and compares them. Rejects with the program's
   * own error.
   */
  build(): Promise<GraphShape>
  /**
   * Hands each state partition to the executor it belongs to. Called once, after `build`;
   * remembered for replacements.
   */
  load(pieces: PieceSource): Promise<void>
  /** Decoded by an executor; committed values only. */
  query(uid: string, key: unknown): Promise<StateAnswer>
  statuses(): readonly ExecutorStatus[]
  /** The process of a custom receiver; inline teams have none and run it in this process. */
  spawnReceiver(uid: string): ChildProcess
  stop(): Promise<void>
}

/** Pieces of a state partition as they are committed now. */
export type PieceSource = (
  uid: string,
  partition: number,
) => AsyncIterable<readonly [name: string, value: Uint8Array]>

export type StateAnswer =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknownState' }
