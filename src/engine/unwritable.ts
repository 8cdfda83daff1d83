/**
 * A data directory that cannot be written, told apart from other failures: POSIX codes and
 * LevelDB's own texts.
 */
import { MillraceError, messageOf } from '../base/errors.ts'

const UNWRITABLE =
  /\bEACCES\b|\bEPERM\b|\bEROFS\b|\bENOENT\b|\bENOTDIR\b|permission denied|read-only file system/i

/** Runs `effect`; a refusal of the file system to be written becomes `MR_DIRECTORY_READ_ONLY`. */
export async function refuseUnwritable<T>(directory: string, effect: () => Promise<T>): Promise<T> {
  try {
    return await effect()
  } catch (error) {
    if (!UNWRITABLE.test(reasonsOf(error))) throw error
    throw new MillraceError(
      'MR_DIRECTORY_READ_ONLY',
      `${directory} cannot be written (${messageOf(error)}): check its owner and the mount`,
      { cause: error, details: { directory } },
    )
  }
}

/** Codes and messages of an error and its causes. */
function reasonsOf(error: unknown): string {
  const reasons: string[] = []
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    reasons.push('code' in at ? String(at.code) : '', at.message)
  }
  return reasons.join(' ')
}
