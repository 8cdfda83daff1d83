/**
 * What the engine tells of itself: the one view that the admin API, the metrics and the command
 * line read.
 */
import type { Pin } from '../blocks/pins.ts'
import type { InputShape, StateShape } from '../dstream/shape.ts'
import type { ExecutorStatus } from '../executor/roster.ts'

/** Steps of a start, in order; `running` after the last. */
export const RECOVERY_STEPS = [
  'owning the directory',
  'verifying the checkpoint',
  'reading the log',
  'starting executors',
  'loading state',
  'publishing',
  'running unfinished batches',
  'starting receivers',
] as const

export function recoveryStep(
  step: (typeof RECOVERY_STEPS)[number] | 'running',
  done = 0,
  total = 0,
): EngineStatus['recovery'] {
  const steps = RECOVERY_STEPS.length
  const index = step === 'running' ? steps : RECOVERY_STEPS.indexOf(step)
  return { step, index, steps, done, total }
}

export interface EngineStatus {
  readonly application: string
  readonly phase: 'starting' | 'running' | 'stopping' | 'stopped' | 'failed'
  readonly startedAt: number
  readonly recovery: {
    readonly step: string
    readonly index: number
    readonly steps: number
    readonly done: number
    readonly total: number
  }
  readonly batchMs: number
  /** Empty batches that are due, after a downtime or a jump of the clock. */
  readonly catchUpBatches: number
  readonly lastCommit: { readonly number: number; readonly time: number } | undefined
  /** Set while a batch is held: its own error, in the program's words, and where in the program. */
  readonly blocked: BlockedBatch | undefined
  readonly inputs: readonly InputStatus[]
  readonly states: readonly StateShape[]
  readonly executors: readonly ExecutorStatus[]
  readonly log: {
    readonly start: number
    readonly end: number
    readonly durable: number
    readonly retainedBytes: number
    readonly pinnedBytes: number
    readonly quotaBytes: number
    /** Bytes a second it grew lately; undefined when that is not known yet. */
    readonly bytesPerSecond: number | undefined
    /** What keeps the log from getting shorter, oldest first. */
    readonly pins: readonly Pin[]
    readonly segments: number
    readonly paused: boolean
    /** What receiving waits for: less of the log to be needed, or room on the disk. */
    readonly pausedBy: 'quota' | 'disk' | undefined
    readonly groups: number
    readonly syncs: number
    readonly records: number
  }
  /** Newest first: waiting, running and the last completed ones (bounded). */
  readonly batches: readonly BatchStatus[]
  readonly totals: {
    readonly completedBatches: number
    readonly receivedRecords: number
    readonly processedRecords: number
    readonly retries: number
    readonly executorRestarts: number
    readonly duplicates: number
  }
}

export interface BlockedBatch {
  readonly time: number
  readonly attempts: number
  readonly code: string
  readonly message: string
  readonly place?: string
  readonly since: number
}

export interface InputStatus {
  readonly shape: InputShape
  readonly name: string
  readonly active: boolean
  readonly records: number
  /** Records left out because they were too long or not UTF-8. */
  readonly rejected: number
  readonly lastErrorTime?: number
  readonly lastErrorMessage?: string
}

export interface BatchStatus {
  readonly time: number
  readonly status: 'QUEUED' | 'PROCESSING' | 'COMPLETED' | 'BLOCKED'
  readonly records: number
  readonly recordsByStream: Readonly<Record<number, number>>
  readonly attempts: number
  readonly submittedAt: number
  readonly startedAt?: number
  readonly endedAt?: number
  readonly outputs: readonly {
    readonly outputId: number
    readonly uid: string
    readonly description: string
    readonly status: 'waiting' | 'running' | 'completed' | 'failed'
    readonly error?: string
  }[]
  readonly error?: string
}
