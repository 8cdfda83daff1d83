/**
 * Logs through pino: JSON lines, or words on a terminal. Nothing waits for whoever reads them
 * (`Output`).
 */
import pino from 'pino'
import type { Logger } from 'pino'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { Shell } from '../host/shell.ts'

export type { Logger }

/** The longest chain of causes that is shown. */
const CAUSES_MAX = 5

export async function createLogger(
  { err, pid }: Pick<Shell, 'err' | 'pid'>,
  level: 'debug' | 'info' | 'warn' | 'error',
): Promise<Logger> {
  const format = err.terminal ? await prettyLines() : (line: string): string => line
  const stacks = level === 'debug'
  const serialize = (value: unknown): unknown => describeError(value, stacks)
  return pino(
    {
      level,
      base: { pid },
      serializers: { error: serialize, err: serialize, cause: serialize },
    },
    {
      write: (line: string) => {
        err.write(format(line))
      },
    },
  )
}

async function prettyLines(): Promise<(line: string) => string> {
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: true,
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'pid',
    singleLine: true,
  })
  return pretty
}

/**
 * An error as data: its code, message, particulars and causes; its stack only where it was asked
 * for.
 */
export function describeError(value: unknown, stacks: boolean, depth = 0): unknown {
  if (!(value instanceof Error) || depth >= CAUSES_MAX) {
    return value instanceof Error ? messageOf(value) : value
  }
  const coded = value instanceof MillraceError ? { code: value.code, ...value.details } : {}
  const all = value instanceof AggregateError ? value.errors : []
  return {
    ...coded,
    type: value.name,
    message: value.message,
    ...(all.length === 0
      ? {}
      : { errors: all.slice(0, 10).map((one) => describeError(one, stacks, depth + 1)) }),
    ...(value.cause === undefined ? {} : { cause: describeError(value.cause, stacks, depth + 1) }),
    ...(stacks ? { stack: value.stack } : {}),
  }
}
