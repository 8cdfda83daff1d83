/** Finds a custom receiver of a program by the uid of its input. */
import { MillraceError } from '../base/errors.ts'
import type { Receiver } from '../dstream/custom-receiver.ts'
import type { Graph } from '../dstream/graph.ts'

/** Throws `MR_PROGRAM_INVALID` when the program has none of that uid. */
export function receiverOf(graph: Graph, uid: string): () => Receiver<unknown> {
  const make = graph.receivers.get(uid)
  if (make !== undefined) return make
  throw new MillraceError('MR_PROGRAM_INVALID', `the program has no receiver '${uid}'`)
}
