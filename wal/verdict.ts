/**
 * Torn or damaged: the one place where that is decided. A write that a crash cut short can only lie
 * at or above the largest position that was ever proven durable; bad bytes below it were whole
 * once, so cutting there would lose acknowledged records in silence.
 */
import { MillraceError } from '../src/base/errors.ts'

export interface BadPlace {
  readonly file: string
  readonly offset: number
  readonly position: number
  readonly reason: string
}

export function judge(place: BadPlace, proven: number): 'torn' | 'damaged' {
  return place.position >= proven ? 'torn' : 'damaged'
}

/** `MR_LOG_DAMAGED` for a place in a file; `lost` says what can no longer be read. */
export function logDamaged(
  place: Omit<BadPlace, 'position'>,
  lost: string,
  cause?: unknown,
): MillraceError {
  const { file, offset, reason } = place
  return new MillraceError(
    'MR_LOG_DAMAGED',
    `the log is damaged: ${file} at byte ${String(offset)}: ${reason}; lost: ${lost}`,
    { details: { file, offset, reason, lost }, cause },
  )
}

export const positions = (from: number, to: number): string =>
  `positions ${String(from)} to ${String(to)}`
