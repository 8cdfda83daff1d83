/** All that the admin API sees of an engine. */
import type { BlockedBatch, EngineStatus } from '../engine/status.ts'
import type { QueryAnswer } from '../executor/attempt.ts'

export interface EngineView {
  status(): EngineStatus
  /** Tries the held batch again at once, its attempts renewed; undefined when none is held. */
  retryHeld(): BlockedBatch | undefined
  /** The committed value of a key, which is given as JSON. */
  queryState(uid: string, keyJson: unknown): Promise<QueryAnswer>
}

/** The engine once it has been made. */
export type LateEngineView = () => EngineView | undefined
