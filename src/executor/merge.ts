/** From the replies of all executors to one outcome. Pure. */
import type { StagedPart } from '../dstream/batch.ts'
import type { AttemptDone, AttemptOutcome, Failure } from './attempt.ts'
import type { Reply } from './executor.ts'

export interface RankedFailure {
  readonly rank: number
  readonly error: Failure
}

/**
 * The failure to report, or undefined when there is none. An executor that only gave up because
 * another failed is not the one to blame; among the others the lowest rank speaks.
 */
export function worst(replies: readonly Reply[]): RankedFailure | undefined {
  const failures = replies.flatMap((reply, rank) =>
    reply.kind === 'failed' ? [{ rank, error: reply.error }] : [],
  )
  return failures.find(({ error }) => error.code !== 'MR_ATTEMPT_ABORTED') ?? failures[0]
}

/** All states by uid and partition, the parts of each output by partition. */
export function merge(replies: readonly AttemptDone[]): AttemptDone {
  const states = replies
    .flatMap((reply) => reply.states)
    .sort((a, b) => (a.uid === b.uid ? a.partition - b.partition : a.uid < b.uid ? -1 : 1))
  const parts = new Map<number, StagedPart[]>()
  for (const { outputId, parts: more } of replies.flatMap((reply) => reply.outputs)) {
    parts.set(outputId, [...(parts.get(outputId) ?? []), ...more])
  }
  const outputs = [...parts]
    .sort(([a], [b]) => a - b)
    .map(([outputId, all]) => ({
      outputId,
      parts: all.sort((a, b) => a.partition - b.partition),
    }))
  const records = replies.reduce((sum, reply) => sum + reply.records, 0)
  return { kind: 'done', states, outputs, records }
}

export function outcomeOfFailure({ rank, error }: RankedFailure): AttemptOutcome {
  const places = error.places.map((place) => place.location).filter((one) => one !== undefined)
  return {
    kind: 'failed',
    code: error.code,
    message: error.message,
    rank,
    ...(places.length === 0 ? {} : { place: [...new Set(places)].join(', ') }),
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  }
}
