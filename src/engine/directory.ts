/**
 * What lies where in a data directory, and what a directory is before anyone has touched it.
 * Nothing here writes.
 *
 *   millrace.json         identity: written last at a first start (identity.ts)
 *   first-start           marker: written first at a first start, removed once the identity stands
 *   owner/                empty LevelDB store; who holds its lock owns the directory (ownership.ts)
 *   owner.announce[.lock] who says to own it (only for people)
 *   log/                  segments
 *   checkpoint-a/, -b/    the two stores
 *   programs/             bundles that ran here
 *   repair-<time>/        what a repair replaced
 */
import { MillraceError } from '../base/errors.ts'
import type { FileSystem } from '../host/host.ts'

export interface DirectoryLayout {
  readonly identity: string
  readonly marker: string
  readonly owner: string
  readonly announcement: string
  readonly log: string
  readonly programs: string
}

export const directoryLayout = (directory: string): DirectoryLayout => ({
  identity: `${directory}/millrace.json`,
  marker: `${directory}/first-start`,
  owner: `${directory}/owner`,
  announcement: `${directory}/owner.announce`,
  log: `${directory}/log`,
  programs: `${directory}/programs`,
})

export const IDENTITY_FILE = 'millrace.json'
export const MARKER_FILE = 'first-start'
/**
 * Names that hold a stream's data: where one of them lies an identity or the marker must lie too.
 */
const DATA = /^(log|checkpoint-[ab].*)$/
const HOUSEHOLD =
  /^(millrace\.json|first-start|owner|owner\.announce|programs)(\..*|~.*)?$|^repair-|^lost\+found$/

export type DirectoryState =
  /** Nothing of value there (or no directory at all): a first start may begin. */
  | { readonly kind: 'empty' }
  /**
   * A first start that ended before its identity was written; nothing was ever acknowledged from
   * it.
   */
  | { readonly kind: 'begun'; readonly data: readonly string[] }
  | { readonly kind: 'identified' }

/**
 * Looks without touching. Throws `MR_DIRECTORY_FOREIGN` where files lie that are not ours, and
 * `MR_DIRECTORY_DAMAGED` where data lies whose identity has been lost: that is never taken for a
 * first start, because beginning again would erase it.
 */
export async function examineDirectory(
  fs: Pick<FileSystem, 'list' | 'stat'>,
  directory: string,
): Promise<DirectoryState> {
  const names = await listDirectory(fs, directory)
  if (names.includes(IDENTITY_FILE)) return { kind: 'identified' }
  const foreign = names.filter((name) => !DATA.test(name) && !HOUSEHOLD.test(name))
  if (foreign.length > 0) throw foreignDirectory(directory, foreign)
  const data = names.filter((name) => DATA.test(name))
  if (names.includes(MARKER_FILE)) return { kind: 'begun', data }
  if (data.length === 0) return { kind: 'empty' }
  throw new MillraceError(
    'MR_DIRECTORY_DAMAGED',
    `${directory} holds ${data.join(', ')} but not ${IDENTITY_FILE}, which says whose data ` +
      'it is: put that file back from a backup, or give another directory; nothing was changed',
    { details: { directory, data } },
  )
}

async function listDirectory(
  fs: Pick<FileSystem, 'list' | 'stat'>,
  directory: string,
): Promise<readonly string[]> {
  const stat = await fs.stat(directory)
  if (stat !== undefined && stat.kind !== 'directory') {
    throw new MillraceError('MR_DIRECTORY_FOREIGN', `${directory} is a file, not a directory`)
  }
  return stat === undefined ? [] : ((await fs.list(directory)) ?? [])
}

function foreignDirectory(directory: string, names: readonly string[]): MillraceError {
  const shown = names.slice(0, 3).join(', ')
  const more = names.length > 3 ? ` and ${String(names.length - 3)} more` : ''
  return new MillraceError(
    'MR_DIRECTORY_FOREIGN',
    `${directory} is not a data directory of millrace: it holds ${shown}${more}. ` +
      'Give an empty or a new directory; nothing was changed',
    { details: { directory, names: names.slice(0, 20) } },
  )
}
