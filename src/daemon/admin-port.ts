/**
 * The admin server as the daemon handles it; `src/admin/server.ts` is one, and `main.ts` brings
 * them together.
 */
import type { Clock } from '../host/host.ts'
import type { EngineHandle } from './engine-handle.ts'

export interface AdminServer {
  /** `http://127.0.0.1:4040` */
  readonly url: string
  close(): Promise<void>
}

export interface AdminOptions {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
  readonly clock: Clock
  /** Undefined until the engine has been made. */
  readonly engine: () =>
    Pick<EngineHandle, 'status' | 'queryState' | 'retryHeld' | 'backup'> | undefined
}

/** Rejects with `MR_CONFIG_INVALID` or `MR_ADDRESS_IN_USE`. */
export type StartAdminServer = (options: AdminOptions) => Promise<AdminServer>
