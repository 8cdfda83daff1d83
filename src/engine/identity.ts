/**
 * Whose data a directory holds: `millrace.json` {format, product, id, application, createdAt}. The
 * id is in the headers of log and checkpoint as well, so that a store of another directory is never
 * taken for this one's.
 *
 * Invariants: the marker `first-start` lies from before the first byte of data until after the
 * identity, so data without either is lost identity and never a first start. Nothing is
 * acknowledged before `finish` has resolved.
 *
 * A crash at any line of a first start leaves the marker (the next start erases what was begun and
 * begins again), or identity and marker (the next start takes the identity and removes the marker).
 */
import { utf8, utf8Text } from '../base/bytes.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { Host } from '../host/host.ts'
import { IDENTITY_FILE, directoryLayout, examineDirectory } from './directory.ts'
import type { DirectoryLayout } from './directory.ts'
import { refuseUnwritable } from './unwritable.ts'

export const DIRECTORY_FORMAT = 1
const PRODUCT = 'millrace'
const ID_BYTES = 16

export interface IdentityRecord {
  readonly format: number
  /** 32 hex digits. */
  readonly id: string
  readonly application: string
  /** ISO 8601, UTC. */
  readonly createdAt: string
}

export interface Identity {
  readonly kind: 'new' | 'existing'
  /** 16 bytes. */
  readonly id: Uint8Array
  /**
   * Call when log and checkpoint stand: a new identity becomes durable. Nothing happens for an
   * existing one.
   */
  finish(): Promise<void>
}

/**
 * Call as the owner of the directory. Throws `MR_DIRECTORY_FOREIGN` (other files, another
 * application), `MR_DIRECTORY_NEWER`, `MR_DIRECTORY_DAMAGED` or `MR_DIRECTORY_READ_ONLY`; nothing
 * is changed then.
 */
export async function openIdentity(
  host: Pick<Host, 'fs' | 'random' | 'clock'>,
  directory: string,
  application: string,
): Promise<Identity> {
  const { fs } = host
  const paths = directoryLayout(directory)
  const state = await examineDirectory(fs, directory)
  if (state.kind === 'identified') {
    const record = await readIdentity(fs, directory)
    refuseOtherApplication(directory, record, application)
    await removeMarker(fs, paths, directory)
    return { kind: 'existing', id: fromHex(record.id), finish: async () => undefined }
  }
  const id = host.random.bytes(ID_BYTES)
  const createdAt = new Date(host.clock.now()).toISOString()
  const record = { format: DIRECTORY_FORMAT, id: toHex(id), application, createdAt }
  await refuseUnwritable(directory, async () => {
    await fs.makeDirectory(directory)
    await fs.writeFileDurably(paths.marker, encodeIdentity(record))
    if (state.kind === 'begun') {
      for (const name of state.data) await fs.remove(`${directory}/${name}`)
      await fs.syncDirectory(directory)
    }
  })
  return { kind: 'new', id, finish: () => finishIdentity(fs, paths, directory, record) }
}

/**
 * The identity of a directory that has one. Throws as `openIdentity` does, except for the
 * application's name.
 */
export async function readIdentity(
  fs: Pick<Host['fs'], 'readFile'>,
  directory: string,
): Promise<IdentityRecord> {
  const bytes = await fs.readFile(directoryLayout(directory).identity)
  return decodeIdentity(bytes, directory)
}

/** The id of a directory that has an identity, whichever application's it is. Throws the same. */
export async function knownIdentity(
  fs: Pick<Host['fs'], 'readFile'>,
  directory: string,
): Promise<Uint8Array> {
  return fromHex((await readIdentity(fs, directory)).id)
}

async function finishIdentity(
  fs: Host['fs'],
  paths: DirectoryLayout,
  directory: string,
  record: IdentityRecord,
): Promise<void> {
  await fs.writeFileDurably(paths.identity, encodeIdentity(record))
  await removeMarker(fs, paths, directory)
}

async function removeMarker(
  fs: Host['fs'],
  paths: DirectoryLayout,
  directory: string,
): Promise<void> {
  if ((await fs.stat(paths.marker)) === undefined) return
  await refuseUnwritable(directory, async () => {
    await fs.unlink(paths.marker)
    await fs.syncDirectory(directory)
  })
}

function refuseOtherApplication(
  directory: string,
  record: IdentityRecord,
  application: string,
): void {
  if (record.application === application) return
  throw new MillraceError(
    'MR_DIRECTORY_FOREIGN',
    `${directory} belongs to the application '${record.application}', not to '${application}': ` +
      'give each application a directory of its own; nothing was changed',
    { details: { directory, application: record.application } },
  )
}

function encodeIdentity(record: IdentityRecord): Uint8Array {
  const { format, id, application, createdAt } = record
  return utf8(`${JSON.stringify({ format, product: PRODUCT, id, application, createdAt })}\n`)
}

function decodeIdentity(bytes: Uint8Array, directory: string): IdentityRecord {
  const value = parse(bytes, directory)
  const { product, format, id, application, createdAt } = value
  if (product !== PRODUCT) {
    throw new MillraceError(
      'MR_DIRECTORY_FOREIGN',
      `${directory}/${IDENTITY_FILE} is not of millrace; nothing was changed`,
    )
  }
  if (typeof format === 'number' && format > DIRECTORY_FORMAT) {
    throw new MillraceError(
      'MR_DIRECTORY_NEWER',
      `${directory} was written by a newer millrace (directory format ${String(format)}; ` +
        `this one knows ${String(DIRECTORY_FORMAT)}): use that version; nothing was changed`,
      { details: { directory, format } },
    )
  }
  if (
    format !== DIRECTORY_FORMAT ||
    typeof id !== 'string' ||
    !/^[0-9a-f]{32}$/.test(id) ||
    typeof application !== 'string' ||
    typeof createdAt !== 'string'
  ) {
    throw damaged(directory, 'a field is missing or not of its type')
  }
  return { format, id, application, createdAt }
}

function parse(bytes: Uint8Array, directory: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(utf8Text(bytes))
  } catch (error) {
    throw damaged(directory, messageOf(error), error)
  }
  if (typeof value !== 'object' || value === null) throw damaged(directory, 'not an object')
  return { ...value }
}

const damaged = (directory: string, why: string, cause?: unknown): MillraceError =>
  new MillraceError(
    'MR_DIRECTORY_DAMAGED',
    `${directory}/${IDENTITY_FILE} cannot be read (${why}): put it back from a backup; ` +
      'nothing was changed',
    { cause, details: { file: `${directory}/${IDENTITY_FILE}` } },
  )

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
