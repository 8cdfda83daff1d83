/**
 * Bringing rows to the partitions they belong to. Rows of a target partition come out by source
 * partition, then in the order they had inside it, so a result does not depend on how many
 * processes there are.
 */
import { MillraceError, messageOf } from '../base/errors.ts'
import { describePlace } from './place.ts'
import type { Layout } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Scope } from './scope.ts'
import { decodeFrame, encodeFrame, type Section } from './shuffle-frame.ts'

/**
 * For each of a target layout's own partitions: the rows of its source partitions, in source order.
 */
export type Received<R> = ReadonlyMap<number, readonly (readonly R[])[]>

/**
 * A collective: sends every section to the owner of its target, and gives back what came for this
 * process.
 */
export async function exchangeSections<R>(
  scope: Scope,
  place: Place,
  target: Layout,
  sections: readonly Section<R>[],
): Promise<Received<R>> {
  const byRank: Section<R>[][] = Array.from({ length: scope.size }, () => [])
  for (const section of sections) byRank[target.owner(section.target)]?.push(section)
  const arrived = [...(byRank[scope.rank] ?? [])]
  if (scope.size > 1) {
    const frames = byRank.map((list, rank) => encode(rank === scope.rank ? [] : list, place))
    const received = await scope.exchange(place, frames)
    received.forEach((frame, rank) => {
      if (rank !== scope.rank) arrived.push(...decodeFrame<R>(frame))
    })
  }
  arrived.sort((a, b) => a.source - b.source)
  const result = new Map<number, (readonly R[])[]>()
  for (const section of arrived) {
    if (section.rows.length === 0) continue
    const lists = result.get(section.target)
    if (lists === undefined) result.set(section.target, [section.rows])
    else lists.push(section.rows)
  }
  return result
}

/**
 * A frame; rows that are not data are an error of the program, at the operator that had to move
 * them.
 */
export function encode(sections: readonly Section<unknown>[], place: Place): Uint8Array {
  try {
    return encodeFrame(sections)
  } catch (error) {
    throw new MillraceError(
      'MR_USER_FUNCTION_FAILED',
      `${describePlace(place)}: a row is not plain data and cannot go to another process: ` +
        messageOf(error),
      { cause: error, details: { operator: place.operator, place: place.location } },
    )
  }
}
