/**
 * Makes a data directory of a backup. Every file is compared with its digest as it is copied, and
 * nothing is overwritten.
 *
 * The restored log goes on under epochs that no other copy will use: two directories that went on
 * from the same backup never pass for each other (`wal/lineage.ts`). For that a segment without
 * records, of a far epoch, is put behind the log.
 */
import { dirname, join } from 'node:path'
import { encodeSegmentHeader, segmentName } from '../../../wal/segment-format.ts'
import { decodeSegmentHeader, segmentNumberOf } from '../../../wal/segment-format.ts'
import { GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES } from '../../../wal/limits.ts'
import { isMillraceError, MillraceError, messageOf } from '../../base/errors.ts'
import type { FileSystem, Host } from '../../host/host.ts'
import { IDENTITY_FILE } from '../directory.ts'
import { copyFile, digestOf, type Digest } from './copy-file.ts'
import { decodeManifest, IDENTITY_COPY, MANIFEST_FILE, type Manifest } from './manifest.ts'
import { checkSpace, newDirectory } from './new-directory.ts'

/** Far enough that two restores never meet; attempt numbers are epochs times a million. */
const EPOCH_JUMP = 2 ** 24

export interface RestoreOptions {
  readonly backup: string
  readonly target: string
  readonly onProgress?: (done: number, total: number) => void
}

export interface Restored {
  readonly manifest: Manifest
  /** Committed files that were put back where they wait to be published. */
  readonly staged: readonly string[]
}

/** Throws `MR_BACKUP_DAMAGED`, `MR_DIRECTORY_NEWER`. */
export async function readManifest(fs: FileSystem, backup: string): Promise<Manifest> {
  const file = join(backup, MANIFEST_FILE)
  if ((await fs.stat(file)) === undefined) {
    const text = `${backup} is no backup, or one that was not finished: it has no ${MANIFEST_FILE}`
    throw new MillraceError('MR_BACKUP_DAMAGED', text, { details: { file } })
  }
  return decodeManifest(await fs.readFile(file), file)
}

/** Also throws `MR_TARGET_EXISTS`, `MR_DISK_FULL`. */
export async function restoreBackup(
  host: Pick<Host, 'fs' | 'random'>,
  { backup, target, onProgress }: RestoreOptions,
): Promise<Restored> {
  const { fs } = host
  const manifest = await readManifest(fs, backup)
  const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0)
  const made = await newDirectory(fs, target)
  try {
    await checkSpace(fs, dirname(target), Math.ceil(total * 1.05), 'the restored directory')
    let done = 0
    for (const file of manifest.files) {
      const to = file.path === IDENTITY_COPY ? IDENTITY_FILE : file.path
      const from = join(backup, file.path)
      await fs.makeDirectory(dirname(`${made.path}/${to}`))
      const digest = await asBackupError(from, () =>
        file.path.startsWith('staged/')
          ? digestOf(fs, from)
          : copyFile(fs, from, `${made.path}/${to}`),
      )
      compare(from, file, digest)
      done += file.bytes
      onProgress?.(done, total)
    }
    await jump(host, made.path, manifest)
    const staged = await putStaged(fs, backup, manifest)
    await made.finish()
    return { manifest, staged }
  } catch (error) {
    await made.discard()
    throw error
  }
}

async function asBackupError<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (!missing || isMillraceError(error)) throw error
    throw new MillraceError('MR_BACKUP_DAMAGED', `${file} is missing: ${messageOf(error)}`, {
      cause: error,
      details: { file },
    })
  }
}

function compare(file: string, wanted: Digest, found: Digest): void {
  if (found.bytes === wanted.bytes && found.sha256 === wanted.sha256) return
  const why =
    found.bytes === wanted.bytes
      ? 'its digest differs'
      : `it has ${String(found.bytes)} bytes, not ${String(wanted.bytes)}`
  const text = `${file} is not what was backed up: ${why}; nothing was restored`
  throw new MillraceError('MR_BACKUP_DAMAGED', text, { details: { file, ...found } })
}

/** The segment behind the last one: only a header. */
async function jump(
  { fs, random }: Pick<Host, 'fs' | 'random'>,
  directory: string,
  { log }: Manifest,
): Promise<void> {
  const names = (await fs.list(`${directory}/log`)) ?? []
  const number = Math.max(0, ...names.map((name) => segmentNumberOf(name) ?? 0))
  if (number === 0) return
  const last = decodeSegmentHeader(
    (await fs.readFile(`${directory}/log/${segmentName(number)}`)).subarray(
      0,
      SEGMENT_HEADER_BYTES,
    ),
  )
  if (last.kind !== 'header') {
    throw new MillraceError('MR_BACKUP_DAMAGED', 'the last segment of the log has no header')
  }
  const { identity, epoch, base } = last.header
  const place = {
    ...{ number: number + 1, identity, zeroed: true },
    epoch: epoch + 1 + Math.floor(random.next() * EPOCH_JUMP),
    // Behind the closing group, where there is one.
    base: log.end + (log.end > base ? GROUP_HEADER_BYTES : 0),
  }
  const file = await fs.create(`${directory}/log/${segmentName(number + 1)}`)
  try {
    await file.write(0, encodeSegmentHeader(place))
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Puts committed files back to where they are published from, unless they are there. */
async function putStaged(fs: FileSystem, backup: string, { staged }: Manifest): Promise<string[]> {
  const put: string[] = []
  for (const { path, staging, target, name } of staged) {
    const to = `${staging}/${name}`
    if ((await fs.stat(target)) !== undefined || (await fs.stat(to)) !== undefined) continue
    await fs.makeDirectory(staging)
    await copyFile(fs, join(backup, path), to)
    await fs.syncDirectory(staging)
    await fs.syncDirectory(dirname(staging))
    put.push(to)
  }
  return put
}
