/**
 * Telling a full disk apart from every other failure: it is the one that passes by itself when
 * somebody makes room, so it is waited for and never counted against a program. Pure.
 */
import { messageOf } from './errors.ts'

const CODES: ReadonlySet<unknown> = new Set([
  'ENOSPC',
  'EDQUOT',
  'MR_DISK_FULL',
  // A write that is cut short is how a disk says for the first time that it is full.
  'MR_SHORT_WRITE',
])

/** LevelDB keeps the system's text only. */
const TEXT = /no space left on device|disk quota exceeded/i

const CAUSES_MAX = 5

/** Whether an error, or what caused it, is a disk or a quota that is used up. */
export function isDiskFull(error: unknown): boolean {
  let at = error
  for (let depth = 0; depth < CAUSES_MAX && at instanceof Error; depth++) {
    if ('code' in at && CODES.has(at.code)) return true
    if (TEXT.test(messageOf(at))) return true
    at = at.cause
  }
  return false
}
