/**
 * Coded errors: every operating error a user or an operator can meet has one code, documented in
 * `docs/errors.md` (a test holds the two lists together). Broken invariants are not errors but
 * asserts (`assert.ts`).
 */

/** Code → whether trying again may help without anyone changing anything. */
export const ERROR_CODES = {
  // programs
  MR_PROGRAM_INVALID: false,
  MR_PROGRAM_BUILD_FAILED: false,
  MR_GRAPH_INVALID: false,
  MR_GRAPH_DIFFERS: false,
  MR_SHAPE_CHANGED: false,
  MR_NO_DATASET: false,
  MR_USER_FUNCTION_FAILED: true,
  MR_NOT_A_PAIR: false,
  MR_KEY_INVALID: false,
  // lifecycle
  MR_STATE_INVALID: false,
  MR_ALREADY_RUNNING: false,
  MR_CHECKPOINT_REQUIRED: false,
  // configuration
  MR_CONFIG_INVALID: false,
  MR_ADDRESS_IN_USE: true,
  // admin API
  MR_NOT_FOUND: false,
  MR_REQUEST_INVALID: false,
  MR_NO_BATCH_HELD: false,
  MR_INTERNAL: false,
  // directory
  MR_DIRECTORY_FOREIGN: false,
  MR_DIRECTORY_NEWER: false,
  MR_DIRECTORY_OWNED: true,
  MR_DIRECTORY_READ_ONLY: false,
  MR_DIRECTORY_DAMAGED: false,
  MR_DISK_FULL: true,
  // backup and repair
  MR_TARGET_EXISTS: false,
  MR_BACKUP_DAMAGED: false,
  MR_REPAIR_LOSES: false,
  MR_REPAIR_IMPOSSIBLE: false,
  MR_ADMIN_UNREACHABLE: true,
  // log
  MR_LOG_DAMAGED: false,
  MR_LOG_CLOSED: false,
  MR_LOG_FAILED: false,
  MR_RECORD_TOO_LARGE: false,
  MR_SHORT_WRITE: false,
  // checkpoint
  MR_CHECKPOINT_DAMAGED: false,
  MR_CHECKPOINT_FAILED: false,
  MR_STATE_DAMAGED: false,
  // executors
  MR_EXECUTOR_DIED: true,
  MR_EXECUTOR_HUNG: true,
  MR_EXECUTOR_OUT_OF_MEMORY: true,
  MR_ATTEMPT_ABORTED: true,
  MR_COLLECTIVE_MISMATCH: false,
  MR_COLLECT_TOO_LARGE: false,
  MR_PROTOCOL: true,
  // inputs
  MR_LINE_TOO_LONG: false,
  MR_LINE_INVALID: false,
  MR_SOURCE_UNAVAILABLE: true,
  MR_SEQUENCE_GAP: false,
  MR_PRESSURE: true,
  MR_RECEIVER_FAILED: true,
  // outputs
  MR_OUTPUT_FAILED: true,
  MR_STAGED_OUTPUT_LOST: false,
} as const

export type ErrorCode = keyof typeof ERROR_CODES

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code)

export class MillraceError extends Error {
  readonly code: ErrorCode
  /** Structured particulars (file, offset, batch time …) for logs and the admin API. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    this.details = options.details ?? {}
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code]
  }
}

export function isMillraceError(error: unknown, code?: ErrorCode): error is MillraceError {
  return error instanceof MillraceError && (code === undefined || error.code === code)
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
