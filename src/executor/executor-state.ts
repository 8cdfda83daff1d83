/** The life of an executor as the driver sees it; drawn in `executor.ts`. */
import { assert } from '../base/assert.ts'

export type ExecutorState = 'starting' | 'ready' | 'running' | 'unsettled' | 'dead'

const MOVES: Readonly<Record<ExecutorState, readonly ExecutorState[]>> = {
  starting: ['ready', 'dead'],
  ready: ['running', 'dead'],
  running: ['ready', 'unsettled', 'dead'],
  unsettled: ['ready', 'dead'],
  dead: [],
}

/** The state moved to. A move that is not in the table is a programmer's error. */
export function moved(rank: number, from: ExecutorState, to: ExecutorState): ExecutorState {
  assert(MOVES[from].includes(to), `executor ${String(rank)}: ${from} → ${to}`)
  return to
}
