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
import {
  decodeFrame,
  decodePairs,
  encodeFrame,
  encodePairs,
  type PairSection,
  type Route,
  type Section,
} from './shuffle-frame.ts'

/**
 * For each of a target layout's own partitions: the rows of its source partitions, in source order.
 */
export type Received<R> = ReadonlyMap<number, readonly (readonly R[])[]>

/** The same for pairs in columns. */
export type ReceivedPairs<K, V> = ReadonlyMap<number, readonly PairSection<K, V>[]>

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
  const filled = sections.filter(({ rows }) => rows.length > 0)
  const framing = { encode: (some: typeof filled) => encode(some, place), decode: decodeFrame<R> }
  const arrived = await exchanged(scope, place, target, filled, framing)
  return new Map([...arrived].map(([partition, lists]) => [partition, lists.map((s) => s.rows)]))
}

/** The same for pairs in columns. */
export async function exchangePairs<K, V>(
  scope: Scope,
  place: Place,
  target: Layout,
  sections: readonly PairSection<K, V>[],
): Promise<ReceivedPairs<K, V>> {
  const filled = sections.filter(({ keys }) => keys.length > 0)
  const framing = {
    encode: (some: typeof filled) => orNoData(place, () => encodePairs(some)),
    decode: decodePairs<K, V>,
  }
  return await exchanged(scope, place, target, filled, framing)
}

async function exchanged<S extends Route>(
  scope: Scope,
  place: Place,
  target: Layout,
  sections: readonly S[],
  framing: {
    readonly encode: (sections: S[]) => Uint8Array
    readonly decode: (frame: Uint8Array) => readonly S[]
  },
): Promise<ReadonlyMap<number, readonly S[]>> {
  const byRank: S[][] = Array.from({ length: scope.size }, () => [])
  for (const section of sections) byRank[target.owner(section.target)]?.push(section)
  const arrived = [...(byRank[scope.rank] ?? [])]
  if (scope.size > 1) {
    const frames = byRank.map((list, rank) => framing.encode(rank === scope.rank ? [] : list))
    const received = await scope.exchange(place, frames)
    received.forEach((frame, rank) => {
      if (rank !== scope.rank) arrived.push(...framing.decode(frame))
    })
  }
  arrived.sort((a, b) => a.source - b.source)
  const result = new Map<number, S[]>()
  for (const section of arrived) {
    const lists = result.get(section.target)
    if (lists === undefined) result.set(section.target, [section])
    else lists.push(section)
  }
  return result
}

/**
 * A frame; rows that are not data are an error of the program, at the operator that had to move
 * them.
 */
export function encode(sections: readonly Section<unknown>[], place: Place): Uint8Array {
  return orNoData(place, () => encodeFrame(sections))
}

function orNoData(place: Place, encoded: () => Uint8Array): Uint8Array {
  try {
    return encoded()
  } catch (error) {
    throw new MillraceError(
      'MR_USER_FUNCTION_FAILED',
      `${describePlace(place)}: a row is not plain data and cannot go to another process: ` +
        messageOf(error),
      { cause: error, details: { operator: place.operator, place: place.location } },
    )
  }
}
