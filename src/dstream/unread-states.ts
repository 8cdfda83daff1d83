/** States that no output needs. Pure. */
import { describePlace } from '../dataset/place.ts'
import type { GraphShape, StateShape } from './shape.ts'

/**
 * A sentence for each state that no output reads: as in Spark only what an output needs is
 * computed, so such a state stays empty for ever.
 */
export function unreadStates(shape: GraphShape): readonly string[] {
  const needed = new Set<number>()
  const todo = shape.outputs.map((output) => output.node)
  for (let id = todo.pop(); id !== undefined; id = todo.pop()) {
    if (needed.has(id)) continue
    needed.add(id)
    todo.push(...(shape.nodes[id]?.parents ?? []))
  }
  return shape.states.filter((state) => !needed.has(state.node)).map(sentence)
}

const sentence = ({ uid, place }: StateShape): string =>
  `no output reads state '${uid}' (${describePlace(place)}), so it is never computed: ` +
  'add an output after it, such as print or foreachPartition'
