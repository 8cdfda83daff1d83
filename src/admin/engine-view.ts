/** All that the admin API sees of an engine. */
import type { LiveBackupOptions } from '../engine/backup/live.ts'
import type { Manifest } from '../engine/backup/manifest.ts'
import type { BlockedBatch, EngineStatus } from '../engine/status.ts'
import type { QueryAnswer } from '../executor/attempt.ts'

export interface EngineView {
  status(): EngineStatus
  /** Tries the held batch again at once, its attempts renewed; undefined when none is held. */
  retryHeld(): BlockedBatch | undefined
  /** The committed value of a key, which is given as JSON. */
  queryState(uid: string, keyJson: unknown): Promise<QueryAnswer>
  /** Writes a consistent copy of the data directory while it goes on. */
  backup(options: LiveBackupOptions): Promise<Manifest>
}

/** The engine once it has been made. */
export type LateEngineView = () => EngineView | undefined
