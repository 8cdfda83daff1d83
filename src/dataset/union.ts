/** Datasets one after the other. */
import { assert, present } from '../base/assert.ts'
import type { Chunk } from './chunk.ts'
import { PlanNode, spread } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Scope } from './scope.ts'
import { chunksOf } from './text.ts'

/**
 * The partitions of all parents, in order; each stays with its owner. Parents that are all cut by
 * key into the same number of partitions are united partition by partition instead, so that the
 * result is cut by key too.
 */
export function unite<T>(scope: Scope, place: Place, parents: readonly PlanNode<T>[]): PlanNode<T> {
  const [first] = parents
  const common = first?.layout
  if (
    common?.hashed === true &&
    parents.every(({ layout }) => layout.hashed && layout.partitions === common.partitions)
  ) {
    return new PlanNode<T>({
      scope,
      place,
      parents,
      layout: { ...common, unique: parents.length === 1 && common.unique },
      fused: parents.flatMap((parent) => parent.places),
      open: async (partition) => {
        const opened = []
        for (const parent of parents) opened.push(await parent.open(partition))
        return oneAfterTheOther(opened)
      },
    })
  }
  const parts = parents.flatMap((parent) =>
    Array.from({ length: parent.layout.partitions }, (_, partition) => ({ parent, partition })),
  )
  const part = (partition: number): { parent: PlanNode<T>; partition: number } =>
    present(parts[partition], 'a part of a union')
  return new PlanNode<T>({
    scope,
    place,
    parents,
    layout: {
      partitions: parts.length,
      owner: (partition) => {
        const { parent, partition: inside } = part(partition)
        return parent.layout.owner(inside)
      },
      hashed: false,
      unique: false,
    },
    fused: parents.flatMap((parent) => parent.places),
    open: async (partition) => {
      const { parent, partition: inside } = part(partition)
      return await parent.open(inside)
    },
  })
}

function* oneAfterTheOther<T>(
  all: readonly Iterable<Chunk<T>>[],
): Generator<Chunk<T>, void, undefined> {
  for (const chunks of all) yield* chunks
}

/** A dataset of given rows, cut into partitions at floor(i * length / partitions). */
export function parallelize<T>(
  scope: Scope,
  place: Place,
  rows: readonly T[],
  partitions: number,
): PlanNode<T> {
  assert(partitions >= 0, 'a number of partitions')
  return new PlanNode<T>({
    scope,
    place,
    parents: [],
    layout: spread(scope, partitions),
    open: (partition) =>
      chunksOf(
        rows.slice(
          Math.floor((partition * rows.length) / partitions),
          Math.floor(((partition + 1) * rows.length) / partitions),
        ),
      ),
  })
}
