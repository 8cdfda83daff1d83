/** One attempt at one batch, as the graph's nodes and outputs see it. */
import type { PlanNode } from '../dataset/plan.ts'
import type { Scope } from '../dataset/scope.ts'
import type { BatchEnvironment } from './batch.ts'

export interface Batch {
  readonly environment: BatchEnvironment
  readonly scope: Scope
  /** Plans that must run in this batch whether an output asks for their rows or not: states. */
  readonly eager: PlanNode<unknown>[]
}
