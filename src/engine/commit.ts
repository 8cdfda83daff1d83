/**
 * Composes the one atomic write a batch ends in: state pieces, staged outputs, positions of inputs.
 * Pure.
 *
 * The staged outputs of earlier commits are deleted here: a batch is committed only after the one
 * before it was published, so nothing can still need them.
 */
import type { CommitInput } from '../../checkpoint/checkpoint.ts'
import { present } from '../base/assert.ts'
import type { OutputResult, StagedPart } from '../dstream/batch.ts'
import type { OutputShape } from '../dstream/shape.ts'
import {
  encodeProgress,
  PROGRESS_KEY,
  type Progress,
  stageKey,
  statePartitionPrefix,
} from './layout.ts'
import type { StateChange } from '../executor/attempt.ts'
import { encodeStaged, isStaged, type StagedOutput } from './staged-output.ts'

export interface BatchCommit {
  readonly number: number
  readonly time: number
  readonly attempt: number
  readonly epoch: number
  readonly logPosition: number
  readonly progress: Progress
  readonly states: readonly StateChange[]
  readonly staged: readonly StagedOutput[]
  /** Keys of staged outputs of earlier commits that are still in the checkpoint. */
  readonly published: readonly string[]
}

export function commitInput(batch: BatchCommit): CommitInput {
  const puts = [{ key: PROGRESS_KEY, value: encodeProgress(batch.progress) }]
  const deletes = [...batch.published]
  for (const state of batch.states) {
    const prefix = statePartitionPrefix(state.uid, state.partition)
    for (const put of state.puts) puts.push({ key: prefix + put.name, value: put.value })
    for (const name of state.deletes) deletes.push(prefix + name)
  }
  for (const staged of batch.staged) {
    puts.push({ key: stageKey(batch.number, staged.outputId), value: encodeStaged(staged) })
  }
  return { time: batch.time, epoch: batch.epoch, logPosition: batch.logPosition, puts, deletes }
}

/** One `StagedOutput` for each staged output of the program, also where no executor had a row. */
export function stagedOutputs(
  outputs: readonly OutputShape[],
  results: readonly OutputResult[],
  batch: { time: number; attempt: number },
): StagedOutput[] {
  const parts = new Map<number, StagedPart[]>()
  for (const output of outputs) if (isStaged(output)) parts.set(output.outputId, [])
  for (const result of results) parts.get(result.outputId)?.push(...result.parts)
  return outputs.filter(isStaged).map((output) => ({
    outputId: output.outputId,
    uid: output.uid,
    kind: output.kind,
    parameters: output.parameters,
    time: batch.time,
    attempt: batch.attempt,
    parts: present(parts.get(output.outputId), 'parts of an output').sort(
      (a, b) => a.partition - b.partition,
    ),
  }))
}
