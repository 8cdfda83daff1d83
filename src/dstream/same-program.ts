/**
 * Whether two graphs came out of one program, so that what it left unnamed means the same in both.
 * Pure.
 */
import { describePlace } from '../dataset/place.ts'
import type { GraphShape } from './shape.ts'

/**
 * The same code, and each unnamed input and state at the same place. Parameters may differ, except
 * where one place made several of them: then they may have changed the order.
 */
export function isSameProgram(stored: GraphShape, now: GraphShape): boolean {
  const [before, after] = [stored.program, now.program]
  if (before === undefined || after === undefined || before.code !== after.code) return false
  const [then, today] = [unnamedPlaces(stored), unnamedPlaces(now)]
  if (then.join() !== today.join()) return false
  const isRepeated = new Set(today).size < today.length
  return !isRepeated || before.params === after.params
}

const unnamedPlaces = ({ inputs, states }: GraphShape): readonly string[] =>
  [...inputs, ...states].filter(({ derived }) => derived).map(({ place }) => describePlace(place))
