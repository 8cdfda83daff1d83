/**
 * What LevelDB's failures mean: a held lock, damage of the store, or an operation that failed.
 * Pure.
 */
import { isDiskFull } from '../base/disk-full.ts'
import { isMillraceError, messageOf, MillraceError } from '../base/errors.ts'

/**
 * Texts that say that the store's own files are not what they were; no retry and no free space will
 * cure it.
 */
const DAMAGE =
  /corruption|no such file|input\/output error|does not exist|invalid argument|i\/o error/i

const CHAIN_MAX = 5

export const closedStore = (path: string): MillraceError =>
  new MillraceError('MR_STATE_INVALID', `${path} is closed`)

/**
 * `MR_DIRECTORY_OWNED`, `MR_DISK_FULL`, `MR_CHECKPOINT_DAMAGED` or `MR_CHECKPOINT_FAILED` (no
 * rights, too many open files …), with the cause. A MillraceError stays what it is.
 */
export function storeError(path: string, error: unknown): MillraceError {
  if (isMillraceError(error)) return error
  const chain = causes(error)
  const text = chain.map(messageOf).join(': ')
  const details = { path }
  if (chain.some((cause) => codeOf(cause) === 'LEVEL_LOCKED')) {
    return new MillraceError('MR_DIRECTORY_OWNED', `${path} is held by another process`, {
      cause: error,
      details,
    })
  }
  if (chain.some(isDiskFull)) {
    return new MillraceError('MR_DISK_FULL', `${path}: ${text}`, { cause: error, details })
  }
  const damaged = DAMAGE.test(text) || chain.some((cause) => codeOf(cause) === 'LEVEL_CORRUPTION')
  const code = damaged ? 'MR_CHECKPOINT_DAMAGED' : 'MR_CHECKPOINT_FAILED'
  return new MillraceError(code, `${path}: ${text}`, { cause: error, details })
}

function causes(error: unknown): unknown[] {
  const chain: unknown[] = []
  for (let next = error; next !== undefined && chain.length < CHAIN_MAX;) {
    chain.push(next)
    next = next instanceof Error ? next.cause : undefined
  }
  return chain
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined
