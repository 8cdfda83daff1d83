/**
 * Whether two graphs came out of one program, so that what it left unnamed means the same in both.
 * Pure.
 */
import type { Place } from '../dataset/runtime.ts'
import type { GraphShape } from './shape.ts'

/**
 * The same code, which made its unnamed inputs and states in the same order of places: a comment
 * may have moved all of them. Parameters may differ, except where one place made several: then
 * they may have changed the order.
 */
export function isSameProgram(stored: GraphShape, now: GraphShape): boolean {
  const [before, after] = [stored.program, now.program]
  if (before === undefined || after === undefined || before.code !== after.code) return false
  const [then, today] = [ranksOf(unnamedPlaces(stored)), ranksOf(unnamedPlaces(now))]
  if (then.join() !== today.join()) return false
  const isRepeated = new Set(today).size < today.length
  return !isRepeated || before.params === after.params
}

const unnamedPlaces = ({ inputs, states }: GraphShape): readonly Place[] =>
  [...inputs, ...states].filter(({ derived }) => derived).map(({ place }) => place)

/** Of each place its number in the order of the source. */
function ranksOf(places: readonly Place[]): readonly number[] {
  const inOrder = places.toSorted(bySource).filter((place, i, all) => {
    const before = all[i - 1]
    return before === undefined || bySource(before, place) !== 0
  })
  return places.map((place) => inOrder.findIndex((other) => bySource(place, other) === 0))
}

function bySource(a: Place, b: Place): number {
  const [one, other] = [sourceOf(a), sourceOf(b)]
  if (one.file !== other.file) return one.file < other.file ? -1 : 1
  return one.line - other.line || one.column - other.column
}

function sourceOf({ location = '' }: Place): { file: string; line: number; column: number } {
  const [, file = location, line, column] = /^(.*):(\d+):(\d+)$/.exec(location) ?? []
  return { file, line: Number(line ?? 0), column: Number(column ?? 0) }
}
