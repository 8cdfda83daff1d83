/** Exit codes of the command, after `sysexits.h`; `docs/operations.md` explains them. */
import { isDiskFull } from '../base/disk-full.ts'
import { MillraceError } from '../base/errors.ts'
import type { ErrorCode } from '../base/errors.ts'

export const EXIT = {
  ok: 0,
  /** Wrong command line or configuration. */
  usage: 64,
  /** The program cannot run: it does not build, its graph is refused, its state does not fit. */
  program: 65,
  /** Something that is needed is in use: the data directory, a port. */
  unavailable: 69,
  /** A broken invariant, or a supervisor that gave up on a daemon that keeps dying. */
  internal: 70,
  /** The data directory is damaged, foreign, newer or read-only. */
  damage: 71,
  /** No room on the disk: a supervisor waits and starts again for as long as it takes. */
  full: 73,
  /** The log or the checkpoint could not be written. */
  io: 74,
  /** Stopped before the graceful stop was over; what was unfinished runs at the next start. */
  hurried: 75,
} as const

const BY_CODE: Readonly<Partial<Record<ErrorCode, number>>> = {
  MR_CONFIG_INVALID: EXIT.usage,
  MR_PROGRAM_INVALID: EXIT.program,
  MR_PROGRAM_BUILD_FAILED: EXIT.program,
  MR_GRAPH_INVALID: EXIT.program,
  MR_GRAPH_DIFFERS: EXIT.program,
  MR_SHAPE_CHANGED: EXIT.program,
  MR_DIRECTORY_OWNED: EXIT.unavailable,
  MR_ADDRESS_IN_USE: EXIT.unavailable,
  MR_DIRECTORY_FOREIGN: EXIT.damage,
  MR_DIRECTORY_NEWER: EXIT.damage,
  MR_DIRECTORY_READ_ONLY: EXIT.damage,
  MR_DIRECTORY_DAMAGED: EXIT.damage,
  MR_LOG_DAMAGED: EXIT.damage,
  MR_CHECKPOINT_DAMAGED: EXIT.damage,
  MR_STATE_DAMAGED: EXIT.damage,
  MR_STAGED_OUTPUT_LOST: EXIT.damage,
  MR_BACKUP_DAMAGED: EXIT.damage,
  MR_REPAIR_LOSES: EXIT.damage,
  MR_REPAIR_IMPOSSIBLE: EXIT.damage,
  MR_TARGET_EXISTS: EXIT.usage,
  MR_ADMIN_UNREACHABLE: EXIT.unavailable,
  MR_LOG_FAILED: EXIT.io,
  MR_CHECKPOINT_FAILED: EXIT.io,
}

export function exitCodeOf(error: unknown): number {
  if (isDiskFull(error)) return EXIT.full
  return (error instanceof MillraceError ? BY_CODE[error.code] : undefined) ?? EXIT.internal
}

/** Ends that a new start would not change, or that were asked for. */
export const FINAL_EXITS: ReadonlySet<number> = new Set([
  EXIT.ok,
  EXIT.usage,
  EXIT.program,
  EXIT.damage,
  EXIT.hurried,
])
