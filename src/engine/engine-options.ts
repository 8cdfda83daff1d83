/**
 * Everything an engine is given. What is operational is here and in `settings`; the program itself
 * is behind `newTeam`.
 */
import type { Host } from '../host/host.ts'
import type { TeamHandle } from './ports.ts'
import type { EngineSettings, Logger } from './settings.ts'
import type { StagedOutput } from './staged-output.ts'

export interface EngineOptions {
  readonly host: Host
  /**
   * The data directory, absolute. Undefined: a private one that goes when the engine stops; state
   * is refused then, and inputs that cannot be recovered are allowed.
   */
  readonly directory: string | undefined
  /** What relative output paths are relative to, absolute. */
  readonly workingDirectory: string
  readonly settings: EngineSettings
  /** Uids of states the program no longer has and whose content is to be dropped. */
  readonly drop: readonly string[]
  /** Where an admin API serves this engine: announced in the directory. */
  readonly adminUrl?: string
  /** Called once, as the owner of the directory, before the executors are made. */
  onOwned?(): Promise<void>
  /** Makes the executors; `logDirectory` is where they read blocks. */
  newTeam(context: { readonly logDirectory: string; readonly onRestart: () => void }): TeamHandle
  /** What `print` shows, a batch at a time. */
  onPrint(text: string): void
  /** Rows of `rows` outputs, when published. */
  onRows?(staged: StagedOutput): void
  /** The engine failed: the process should end. */
  onFailed?(error: unknown): void
  readonly log: Logger
}
