/**
 * How a command that cannot go on tells so: one message with its code; a stack only for
 * `--log-level debug`.
 */
import { isMillraceError, MillraceError, messageOf } from '../base/errors.ts'
import type { Output } from '../host/shell.ts'
import { exitCodeOf } from './exit-codes.ts'

/** Writes the message and gives the exit code. */
export function refuse(err: Output, error: unknown, debug: boolean): number {
  err.write(`${refusalText(error, debug)}\n`)
  return exitCodeOf(error)
}

export function refusalText(error: unknown, debug: boolean): string {
  if (debug && error instanceof Error) return `millrace: ${withStack(error)}`
  if (error instanceof MillraceError) return `millrace: ${error.code}: ${error.message}`
  return `millrace: ${messageOf(error)} (with --log-level debug the place is shown)`
}

function withStack(error: Error): string {
  const code = error instanceof MillraceError ? `${error.code}: ` : ''
  const cause = error.cause instanceof Error ? `\ncaused by ${withStack(error.cause)}` : ''
  return `${code}${error.stack ?? error.message}${cause}`
}

/** A refusal of the program names its file; other errors stay as they are. */
export function namingProgram(program: string): (error: unknown) => never {
  return (error) => {
    if (!isMillraceError(error, 'MR_PROGRAM_INVALID') || error.message.includes(program)) {
      throw error
    }
    throw new MillraceError(error.code, `${program}: ${error.message}`, { cause: error })
  }
}
