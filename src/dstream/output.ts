/** An output operation: its shape, and how it is planned and run in a batch. */
import type { PlanNode } from '../dataset/plan.ts'
import type { StagedPart } from './batch.ts'
import type { OutputShape } from './shape.ts'
import type { Batch } from './current-batch.ts'

export interface Output {
  readonly shape: OutputShape
  /** Plans the stream's dataset of the batch: undefined when there is none. */
  readonly plan: (batch: Batch) => Promise<PlanNode<unknown> | undefined>
  readonly run: RunOutput
}

/** Runs a planned output; what it gives back is staged in the batch's commit. */
export type RunOutput = (batch: Batch, output: OutputShape) => Promise<readonly StagedPart[]>
