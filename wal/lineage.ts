/**
 * Whether a log is the one that a commit was made beside. Each life writes under an epoch of its
 * own, and a restored backup jumps to an epoch nobody else will use: so two logs that went on from
 * the same past are told apart by the epoch at a position. Pure.
 */
import { MillraceError } from '../src/base/errors.ts'
import type { SegmentHeader } from './segment-format.ts'

/** A commit: the epoch of its life, and the position that was durable then. */
export interface Witness {
  readonly position: number
  readonly epoch: number
}

/** The witness that a checkpoint's root is. */
export const witnessOf = (root: {
  readonly logPosition: number
  readonly epoch: number
}): Witness => ({ position: root.logPosition, epoch: root.epoch })

/**
 * `MR_DIRECTORY_FOREIGN` when the log, which reaches `end`, holds another life than the witness's
 * where the witness was; undefined when it is the same, or its segments are released or missing.
 */
export function lineageProblem(
  segments: readonly SegmentHeader[],
  end: number,
  { position, epoch }: Witness,
): MillraceError | undefined {
  if (end < position) return undefined
  const at = segments.findLast((segment) => segment.base < position)
  const found = at ?? segments[0]
  if (found === undefined || epoch === found.epoch) return undefined
  // What was released was of this life or an earlier one.
  if (at === undefined && epoch < found.epoch) return undefined
  return new MillraceError(
    'MR_DIRECTORY_FOREIGN',
    `the log was not written beside this checkpoint: at position ${String(position)} it is of ` +
      `epoch ${String(found.epoch)}, the newest commit of epoch ${String(epoch)}. Perhaps one of ` +
      'them was taken from a backup: put back both; nothing was changed',
    { details: { position, epoch, logEpoch: found.epoch } },
  )
}
