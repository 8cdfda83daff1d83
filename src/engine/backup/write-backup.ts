/**
 * Writes a backup of one commit: the log up to a durable position, both stores made anew from the
 * entries of the commit, and what was staged outside. The copy of the log is read again before the
 * backup gets its name.
 *
 * What a crash leaves: see `new-directory.ts`. The source is only read.
 */
import { dirname } from 'node:path'
import type { CheckpointSnapshot } from '../../../checkpoint/snapshot.ts'
import { writeFreshStores } from '../../../checkpoint/fresh-stores.ts'
import { closingGroup } from '../../../wal/closing.ts'
import type { LogHold } from '../../../wal/contract.ts'
import { scanLog } from '../../../wal/scan.ts'
import { SEGMENT_HEADER_BYTES } from '../../../wal/limits.ts'
import { segmentName } from '../../../wal/segment-format.ts'
import { MillraceError } from '../../base/errors.ts'
import type { Host } from '../../host/host.ts'
import type { StagedFile } from '../../sinks/staged-file.ts'
import { directoryLayout } from '../directory.ts'
import { readIdentity } from '../identity.ts'
import { copyFile, digestOf, filesBelow } from './copy-file.ts'
import { encodeManifest, IDENTITY_COPY, MANIFEST_FILE } from './manifest.ts'
import { BACKUP_FORMAT, type Manifest, type ManifestFile, type ManifestStaged } from './manifest.ts'
import { checkSpace, newDirectory } from './new-directory.ts'

export type BackupStep = 'waiting' | 'log' | 'checkpoint' | 'verifying' | 'done'

export interface BackupProgress {
  readonly step: BackupStep
  /** Bytes of how many. */
  readonly done: number
  readonly total: number
}

export interface BackupOptions {
  /** Absolute; must not exist, unless as an empty directory. */
  readonly target: string
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: (progress: BackupProgress) => void
}

export interface BackupSource {
  /** The data directory. */
  readonly directory: string
  readonly live: boolean
  readonly log: Pick<LogHold, 'segments' | 'end'>
  readonly checkpoint: CheckpointSnapshot
  /** Committed files that are not published. */
  readonly staged: readonly StagedFile[]
}

type Writing = Pick<Host, 'fs' | 'stores' | 'clock'>

/**
 * Throws `MR_TARGET_EXISTS`, `MR_DISK_FULL`, `MR_CONFIG_INVALID` (a target inside the data
 * directory), damage of the source, and the signal's reason.
 */
export async function writeBackup(
  host: Writing,
  source: BackupSource,
  options: BackupOptions,
): Promise<Manifest> {
  const { fs } = host
  const { target } = options
  checkTarget(source.directory, target)
  const bytes = logBytes(source) + source.checkpoint.bytes * 2
  const made = await newDirectory(fs, target)
  try {
    await checkSpace(fs, dirname(target), Math.ceil(bytes * 1.1), 'the backup')
    const manifest = await fill(host, source, options, made.path)
    options.signal?.throwIfAborted()
    await fs.writeFileDurably(`${made.path}/${MANIFEST_FILE}`, encodeManifest(manifest))
    await made.finish()
    options.onProgress?.({ step: 'done', done: bytes, total: bytes })
    return manifest
  } catch (error) {
    await made.discard()
    throw error
  }
}

export function checkTarget(directory: string, target: string): void {
  if (target !== directory && !target.startsWith(`${directory}/`)) return
  const text = `${target} lies in the data directory: a backup belongs elsewhere`
  throw new MillraceError('MR_CONFIG_INVALID', text, { details: { target } })
}

const logBytes = ({ log }: BackupSource): number =>
  log.segments.reduce((sum, _, i) => sum + lengthOf(log, i), 0)

/** Bytes of a segment's file up to where the next one begins, or the log ends. */
function lengthOf({ segments, end }: BackupSource['log'], i: number): number {
  const until = segments[i + 1]?.base ?? end
  return SEGMENT_HEADER_BYTES + until - (segments[i]?.base ?? until)
}

async function fill(
  host: Writing,
  source: BackupSource,
  options: BackupOptions,
  path: string,
): Promise<Manifest> {
  const { fs } = host
  const paths = directoryLayout(source.directory)
  const identity = await readIdentity(fs, source.directory)
  const files: ManifestFile[] = []
  const add = async (name: string, from: string): Promise<void> => {
    files.push({ path: name, ...(await copyFile(fs, from, `${path}/${name}`)) })
  }
  await add(IDENTITY_COPY, paths.identity)
  files.push(...(await copyLog(host, source, options, path, identity.id)))
  files.push(...(await writeStores(host, source, options, path)))
  await fs.makeDirectory(`${path}/programs`)
  for (const { path: name } of await filesBelow(fs, paths.programs)) {
    await fs.makeDirectory(dirname(`${path}/programs/${name}`))
    await add(`programs/${name}`, `${paths.programs}/${name}`)
  }
  await fs.makeDirectory(`${path}/staged`)
  const staged: ManifestStaged[] = []
  for (const [i, { staging, target, name }] of source.staged.entries()) {
    await add(`staged/${String(i)}`, `${staging}/${name}`)
    staged.push({ path: `staged/${String(i)}`, staging, target, name })
  }
  const { root } = source.checkpoint
  const { segments, end } = source.log
  return {
    format: BACKUP_FORMAT,
    id: identity.id,
    application: identity.application,
    takenAt: new Date(host.clock.now()).toISOString(),
    live: source.live,
    commit: {
      number: root.number,
      batchTime: root.time,
      digest: Buffer.from(root.digest).toString('hex'),
    },
    log: { start: segments[0]?.base ?? 0, end, segments: segments.length },
    files,
    staged,
  }
}

async function copyLog(
  { fs }: Writing,
  source: BackupSource,
  { signal, onProgress }: BackupOptions,
  path: string,
  id: string,
): Promise<ManifestFile[]> {
  const { log, directory, checkpoint } = source
  const identity = new Uint8Array(Buffer.from(id, 'hex'))
  const total = logBytes(source)
  let done = 0
  const files: ManifestFile[] = []
  await fs.makeDirectory(`${path}/log`)
  for (const [i, { number, base, epoch }] of log.segments.entries()) {
    const name = segmentName(number)
    const closes = i === log.segments.length - 1 && log.end > base
    const digest = await copyFile(
      fs,
      `${directoryLayout(directory).log}/${name}`,
      `${path}/log/${name}`,
      {
        signal,
        bytes: lengthOf(log, i),
        ...(closes ? { tail: closingGroup(log.end, epoch, identity) } : {}),
        onBytes(bytes) {
          done += bytes
          onProgress?.({ step: 'log', done: Math.min(done, total), total })
        },
      },
    )
    files.push({ path: `log/${name}`, ...digest })
  }
  const { root } = checkpoint
  const scan = scanLog(fs, `${path}/log`, {
    identity,
    provenDurable: Math.max(root.logPosition, log.end),
    onProgress: (read, of) => onProgress?.({ step: 'verifying', done: read, total: of }),
  })
  for await (const event of scan) {
    signal?.throwIfAborted()
    if (event.kind === 'damage') throw event.error
  }
  return files
}

async function writeStores(
  host: Writing,
  { checkpoint }: BackupSource,
  { signal, onProgress }: BackupOptions,
  path: string,
): Promise<ManifestFile[]> {
  const { fs } = host
  const total = checkpoint.bytes
  let done = 0
  await writeFreshStores(host, path, checkpoint.puts(), (bytes) => {
    signal?.throwIfAborted()
    done += bytes
    onProgress?.({ step: 'checkpoint', done: Math.min(done, total), total })
  })
  const files: ManifestFile[] = []
  for (const name of ['checkpoint-a', 'checkpoint-b']) {
    for (const file of (await fs.list(`${path}/${name}`)) ?? []) {
      const at = `${path}/${name}/${file}`
      // LevelDB makes both anew; its lock is never to be read.
      if (file === 'LOCK' || file === 'LOG') await fs.unlink(at)
      else files.push({ path: `${name}/${file}`, ...(await synced(fs, at)) })
    }
  }
  return files
}

async function synced(fs: Host['fs'], path: string): Promise<Omit<ManifestFile, 'path'>> {
  const file = await fs.openWrite(path)
  try {
    await file.sync()
  } finally {
    await file.close()
  }
  return await digestOf(fs, path)
}
