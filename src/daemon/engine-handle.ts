/** The engine as the daemon handles it; `src/engine/engine.ts` is one. */
import type { LiveBackupOptions } from '../engine/backup/live.ts'
import type { Manifest } from '../engine/backup/manifest.ts'
import type { QueryAnswer } from '../executor/attempt.ts'
import type { Logger } from '../engine/settings.ts'
import type { BlockedBatch, EngineStatus } from '../engine/status.ts'
import type { Host } from '../host/host.ts'
import type { Bundle } from './bundle.ts'
import type { Settings } from './settings.ts'

export interface EngineHandle {
  status(): EngineStatus
  retryHeld(): BlockedBatch | undefined
  queryState(uid: string, keyJson: unknown): Promise<QueryAnswer>
  backup(options: LiveBackupOptions): Promise<Manifest>
  /** Recovers; resolves when the first batch can come, rejects when directory or program refuse. */
  start(): Promise<void>
  /** Resolves when it has stopped; rejects with what made it fail. */
  terminated(): Promise<void>
  stop(options: { graceful: boolean; timeoutMs: number }): Promise<void>
}

export interface EngineParts {
  readonly host: Host
  readonly settings: Settings
  readonly params: Readonly<Record<string, string>>
  readonly bundle: Bundle
  readonly exportName: string | undefined
  readonly workingDirectory: string
  /** Uids of states to drop. */
  readonly drop: readonly string[]
  readonly log: Logger
  readonly adminUrl: string
  onPrint(text: string): void
  /** A line that the process `name` (`executor 0`, `receiver clicks`) wrote. */
  onProgramOutput(name: string, stream: 'stdout' | 'stderr', line: string): void
}

export type MakeEngine = (parts: EngineParts) => EngineHandle
