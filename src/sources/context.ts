/**
 * What every source is given, and the reading of its parameters, which come as data from the
 * program's shape.
 */
import { MillraceError } from '../base/errors.ts'
import type { InputShape, Json } from '../dstream/shape.ts'
import type { ChildProcess, Host } from '../host/host.ts'
import type { BlockSink, ReceiverEvent } from '../receiver/receiver.ts'

export interface SourceContext {
  readonly host: Pick<Host, 'clock' | 'net' | 'random'>
  readonly sink: BlockSink
  readonly onEvent: (event: ReceiverEvent) => void
  /** Starts the process of a custom receiver; needed for inputs of kind `receiver` only. */
  readonly spawnReceiver?: () => ChildProcess
}

export function textParameter(input: InputShape, name: string, fallback?: string): string {
  const value = input.parameters[name] ?? fallback
  if (typeof value !== 'string' || value === '') throw invalid(input, name, value, 'a text')
  return value
}

/** A whole number in `from … to`. */
export function integerParameter(
  input: InputShape,
  name: string,
  range: readonly [from: number, to: number],
  fallback?: number,
): number {
  const value = numberParameter(input, name, range, fallback)
  if (!Number.isInteger(value)) throw invalid(input, name, value, 'a whole number')
  return value
}

/** A number in `from … to`. */
export function numberParameter(
  input: InputShape,
  name: string,
  [from, to]: readonly [from: number, to: number],
  fallback?: number,
): number {
  const value = input.parameters[name] ?? fallback
  if (typeof value !== 'number' || !(value >= from && value <= to)) {
    throw invalid(input, name, value, `a number from ${String(from)} to ${String(to)}`)
  }
  return value
}

function invalid(
  input: InputShape,
  name: string,
  value: Json | undefined,
  wanted: string,
): MillraceError {
  const shown = value === undefined ? 'missing' : JSON.stringify(value)
  return new MillraceError(
    'MR_CONFIG_INVALID',
    `input '${input.uid}': ${name} must be ${wanted}, not ${shown}`,
    { details: { uid: input.uid, parameter: name } },
  )
}
