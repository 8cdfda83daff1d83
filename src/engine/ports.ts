/**
 * What the batch loop needs of the parts around it: so that it can be read, and tested, by itself.
 */
import type { CommitInput } from '../../checkpoint/checkpoint.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { AttemptOutcome, AttemptRequest, QueryAnswer } from '../executor/attempt.ts'
import type { ExecutorStatus, PieceSource } from '../executor/roster.ts'
import type { ChildProcess } from '../host/host.ts'

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
  query(uid: string, key: unknown): Promise<QueryAnswer>
  statuses(): readonly ExecutorStatus[]
  /** The process of a custom receiver; inline teams have none and run it in this process. */
  spawnReceiver(uid: string): ChildProcess
  stop(): Promise<void>
}
