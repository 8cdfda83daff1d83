/** Rows that must be pairs, and the partition numbers that operators are given. */
import { MillraceError } from '../base/errors.ts'
import type { Key, Pair } from '../base/keys.ts'
import { PARTITIONS_MAX } from './limits.ts'
import { describePlace } from './place.ts'
import type { Place } from './runtime.ts'

const SHOWN_CHARACTERS = 80

/**
 * The row, which must be an array of two: the types say so, but data made by untyped code may not
 * agree.
 */
export function pairOf<K extends Key, V>(row: Pair<K, V>, place: Place): Pair<K, V> {
  if (!isPair(row)) refuse(row, place)
  return row
}

export const isPair = (row: unknown): row is Pair<unknown, unknown> =>
  Array.isArray(row) && row.length === 2

function refuse(row: unknown, place: Place): never {
  throw new MillraceError(
    'MR_NOT_A_PAIR',
    `${describePlace(place)} needs rows that are pairs [key, value], not ${show(row)}`,
    { details: { operator: place.operator, place: place.location } },
  )
}

/** A row for people, cut. */
function show(row: unknown): string {
  let text: string | undefined
  try {
    text = typeof row === 'string' ? JSON.stringify(row.slice(0, SHOWN_CHARACTERS)) : asText(row)
  } catch {
    // A row that has no text form (a cycle, a failing toJSON) is still worth an error that names
    // its kind.
    text = typeof row
  }
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text
}

const asText = (row: unknown): string =>
  typeof row === 'object' && row !== null ? JSON.stringify(row) : String(row)

/** A number of partitions that the program gave. Throws `MR_GRAPH_INVALID`. */
export function checkPartitions(partitions: number, place: Place): number {
  if (Number.isSafeInteger(partitions) && partitions >= 1 && partitions <= PARTITIONS_MAX) {
    return partitions
  }
  throw new MillraceError(
    'MR_GRAPH_INVALID',
    `${describePlace(place)}: the number of partitions must be a whole number from 1 to ` +
      `${String(PARTITIONS_MAX)}, not ${String(partitions)}`,
    { details: { operator: place.operator, place: place.location } },
  )
}
