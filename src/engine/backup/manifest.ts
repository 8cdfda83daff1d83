/**
 * `millrace-backup.json`: what a backup holds, with a digest of each file and one of itself. It is
 * written last, so a directory without it is no backup. Pure.
 *
 *   <backup>/millrace-backup.json   this
 *            identity.json          the data directory's millrace.json; under another name, so that
 *                                   nobody runs on a backup
 *            log/  checkpoint-a/  checkpoint-b/  programs/
 *            staged/<n>             committed files that were not published yet
 */
import { createHash } from 'node:crypto'
import { utf8, utf8Text } from '../../base/bytes.ts'
import { MillraceError, messageOf } from '../../base/errors.ts'
import { isRecord, listOf, numberIn, recordIn, textIn } from './json-fields.ts'

export const MANIFEST_FILE = 'millrace-backup.json'
export const IDENTITY_COPY = 'identity.json'
export const BACKUP_FORMAT = 1
const PRODUCT = 'millrace-backup'

export interface ManifestFile {
  /** Relative to the backup, with `/`. */
  readonly path: string
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

/** A file that a commit staged outside the data directory. */
export interface ManifestStaged {
  /** Where its copy lies in the backup. */
  readonly path: string
  readonly staging: string
  readonly target: string
  readonly name: string
}

export interface Manifest {
  readonly format: number
  /** Of the data directory, 32 hex digits. */
  readonly id: string
  readonly application: string
  /** ISO 8601, UTC. */
  readonly takenAt: string
  /** Whether a server ran on the directory. */
  readonly live: boolean
  readonly commit: {
    readonly number: number
    /** Of the last committed batch, ms since the epoch; 0 before the first. */
    readonly batchTime: number
    /** In hex. */
    readonly digest: string
  }
  readonly log: { readonly start: number; readonly end: number; readonly segments: number }
  readonly files: readonly ManifestFile[]
  readonly staged: readonly ManifestStaged[]
}

const sumOf = (text: string): string => createHash('sha256').update(text).digest('hex')

export function encodeManifest(manifest: Manifest): Uint8Array {
  const body = JSON.stringify({ product: PRODUCT, ...manifest }, undefined, 1)
  return utf8(`${JSON.stringify({ checksum: sumOf(body) })}\n${body}\n`)
}

/** Throws `MR_BACKUP_DAMAGED` or `MR_DIRECTORY_NEWER`. `file` is for messages. */
export function decodeManifest(bytes: Uint8Array, file: string): Manifest {
  try {
    const text = utf8Text(bytes)
    const cut = text.indexOf('\n')
    const head: unknown = JSON.parse(text.slice(0, cut))
    const body = text.slice(cut + 1, -1)
    const known = isRecord(head) ? head['checksum'] : undefined
    if (known !== sumOf(body)) throw new RangeError('its checksum does not match')
    return manifestOf(JSON.parse(body), file)
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('MR_BACKUP_DAMAGED', `${file}: ${messageOf(error)}`, {
      cause: error,
      details: { file },
    })
  }
}

function manifestOf(value: unknown, file: string): Manifest {
  if (!isRecord(value) || value['product'] !== PRODUCT) throw new RangeError('it is no backup')
  const format = numberIn(value, 'format')
  if (format > BACKUP_FORMAT) {
    const text = `${file} was written by a newer millrace (backup format ${String(format)})`
    throw new MillraceError('MR_DIRECTORY_NEWER', text, { details: { file, format } })
  }
  const commit = recordIn(value, 'commit')
  const log = recordIn(value, 'log')
  return {
    format,
    id: textIn(value, 'id'),
    application: textIn(value, 'application'),
    takenAt: textIn(value, 'takenAt'),
    live: value['live'] === true,
    commit: {
      number: numberIn(commit, 'number'),
      batchTime: numberIn(commit, 'batchTime'),
      digest: textIn(commit, 'digest'),
    },
    log: {
      start: numberIn(log, 'start'),
      end: numberIn(log, 'end'),
      segments: numberIn(log, 'segments'),
    },
    files: listOf(value, 'files', (entry) => ({
      path: innerPath(textIn(entry, 'path')),
      bytes: numberIn(entry, 'bytes'),
      sha256: textIn(entry, 'sha256'),
    })),
    staged: listOf(value, 'staged', (entry) => ({
      path: innerPath(textIn(entry, 'path')),
      staging: textIn(entry, 'staging'),
      target: textIn(entry, 'target'),
      name: textIn(entry, 'name'),
    })),
  }
}

function innerPath(path: string): string {
  const parts = path.split('/')
  if (parts.every((part) => part !== '' && part !== '.' && part !== '..')) return path
  throw new RangeError(`the path ${path} leads out of the backup`)
}
