/** All that the admin API sees of an engine. */
import type { EngineStatus } from '../engine/status.ts'

export interface EngineView {
  status(): EngineStatus
  /** The committed value of a key, which is given as JSON. */
  queryState(uid: string, keyJson: unknown): Promise<StateAnswer>
}

export type StateAnswer =
  | { readonly kind: 'found'; readonly value: unknown }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknownState' }

/** The engine once it has been made. */
export type LateEngineView = () => EngineView | undefined
