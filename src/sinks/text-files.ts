/**
 * Text files, exactly once: one directory a batch that appears by one rename, with all its files in
 * it or not at all.
 *
 *   executors, in the attempt    driver                       driver, after the commit
 *   stage: write, sync parts ──► commit(t) holds digests ──► publish: verify, _SUCCESS, rename
 *
 *   staging  target   what `publish` finds, and does
 *   there    absent   the ordinary case, or a crash before the rename: all of it
 *   absent   there    a crash after the rename: verify, done
 *   there    there    the target is somebody else's: MR_OUTPUT_FAILED, nothing touched
 *   absent   absent   MR_STAGED_OUTPUT_LOST; unless the batch had no rows, and so staged nothing:
 *                     its directory is made now
 *
 * Invariants: nothing is ever overwritten; what is published is byte for byte what was committed; a
 * directory that has `_SUCCESS` is whole. A crash at any line leaves a staging directory (removed
 * by `removeStale` unless a commit names it) or a published one; readers never see half of either.
 */
import { dirname, join } from 'node:path'
import { isDiskFull } from '../base/disk-full.ts'
import { messageOf, MillraceError } from '../base/errors.ts'
import { formatRow } from '../base/format-row.ts'
import type { OutputRunner, StagedPart } from '../dstream/batch.ts'
import type { FileSystem } from '../host/host.ts'
import { digestFile, makeDurableDirectory, writeDurableFile } from './durable-files.ts'
import { decodeStagedFile, encodeStagedFile, type StagedFile } from './staged-file.ts'
import {
  partName,
  stagingDirectory,
  stagingPattern,
  SUCCESS,
  targetDirectory,
  type TextFilesOutput,
  type TextFilesPlace,
} from './text-paths.ts'

/** Text that is put together before it is written, in UTF-16 units. */
const PIECE_LENGTH = 256 * 1024

/** What a commit holds of one text files output. */
export interface StagedTextFiles extends TextFilesOutput {
  /** Batch time in ms. */
  readonly time: number
  readonly attempt: number
  readonly parts: readonly StagedPart[]
}

/**
 * The executor's side: writes the rows of its partitions aside, one file a partition that has any.
 * Rejects with `MR_OUTPUT_FAILED`,
 * also when the target exists already.
 */
export function stageTextFiles(fs: FileSystem, place: TextFilesPlace): OutputRunner {
  const { workingDirectory } = place
  return async (output, rows, batch) => {
    const target = targetDirectory(output, batch.time, workingDirectory)
    const staging = stagingDirectory(target, place, output.outputId, batch.attempt)
    return await asOutputError(`staging ${target}`, async () => {
      if ((await fs.stat(target)) !== undefined) throw occupied(target)
      await removeLeftOvers(fs, staging, rows.own)
      const staged: StagedPart[] = []
      for (const partition of rows.own) {
        const values = await rows.rows(partition)
        if (values.length === 0) continue
        if (staged.length === 0) await makeDurableDirectory(fs, staging, workingDirectory)
        const name = partName(partition)
        const digest = await writeDurableFile(fs, join(staging, name), textOf(values))
        staged.push({ partition, payload: encodeStagedFile({ staging, target, name, ...digest }) })
      }
      if (staged.length > 0) await fs.syncDirectory(staging)
      return staged
    })
  }
}

/**
 * An attempt of an earlier process may have had the same number and have left files of these
 * partitions.
 */
async function removeLeftOvers(
  fs: FileSystem,
  staging: string,
  partitions: readonly number[],
): Promise<void> {
  const there = new Set(await fs.list(staging))
  if (there.size === 0) return
  for (const name of partitions.map(partName)) {
    if (there.has(name)) await fs.unlink(join(staging, name))
  }
}

function* textOf(rows: readonly unknown[]): Generator<Uint8Array> {
  let text = ''
  for (const row of rows) {
    text += `${formatRow(row)}\n`
    if (text.length < PIECE_LENGTH) continue
    yield Buffer.from(text)
    text = ''
  }
  if (text !== '') yield Buffer.from(text)
}

/**
 * The driver's side, after the commit, and again after a crash until it has resolved: makes the
 * batch's directory visible. Rejects with `MR_OUTPUT_FAILED` or `MR_STAGED_OUTPUT_LOST`.
 */
export async function publishTextFiles(
  fs: FileSystem,
  staged: StagedTextFiles,
  place: TextFilesPlace,
): Promise<void> {
  const files = staged.parts.map((part) => decodeStagedFile(part.payload))
  const { staging, target } = placeOf(staged, files, place)
  await asOutputError(`publishing ${target}`, async () => {
    const isStaged = (await fs.stat(staging)) !== undefined
    if ((await fs.stat(target)) !== undefined) {
      if (isStaged) throw occupied(target)
      await verifyPublished(fs, target, files)
      await fs.syncDirectory(dirname(target))
      return
    }
    if (!isStaged) {
      if (files.length > 0) throw lost(target, `${staging} is gone, and nothing is in its place`)
      await makeDurableDirectory(fs, staging, place.workingDirectory)
    }
    await complete(fs, staging, target, files)
    await fs.rename(staging, target)
    await fs.syncDirectory(dirname(target))
  })
}

/** The parts know their place: the daemon may have been started elsewhere since. */
function placeOf(
  staged: StagedTextFiles,
  files: readonly StagedFile[],
  place: TextFilesPlace,
): { readonly staging: string; readonly target: string } {
  const [first] = files
  if (first === undefined) {
    const target = targetDirectory(staged, staged.time, place.workingDirectory)
    return { staging: stagingDirectory(target, place, staged.outputId, staged.attempt), target }
  }
  if (files.some((file) => file.staging !== first.staging || file.target !== first.target)) {
    throw new MillraceError(
      'MR_CHECKPOINT_DAMAGED',
      `the staged files of output '${staged.uid}' do not lie in one directory`,
    )
  }
  return first
}

/** Leaves in the staging directory what was committed and `_SUCCESS`, durably, and nothing else. */
async function complete(
  fs: FileSystem,
  staging: string,
  target: string,
  files: readonly StagedFile[],
): Promise<void> {
  for (const file of files) {
    const wrong = await difference(fs, staging, file)
    if (wrong !== undefined) throw lost(target, `${join(staging, file.name)} ${wrong}`)
  }
  const wanted = new Set([SUCCESS, ...files.map((file) => file.name)])
  const names = (await fs.list(staging)) ?? []
  for (const name of names) if (!wanted.has(name)) await fs.remove(join(staging, name))
  if (!names.includes(SUCCESS)) await writeDurableFile(fs, join(staging, SUCCESS), [])
  await fs.syncDirectory(staging)
}

async function verifyPublished(
  fs: FileSystem,
  target: string,
  files: readonly StagedFile[],
): Promise<void> {
  const ours = [SUCCESS, ...files.map((file) => file.name)].sort()
  const names = (await fs.list(target)) ?? []
  if (names.length !== ours.length || ours.some((name) => !names.includes(name))) {
    throw occupied(target)
  }
  for (const file of files) {
    const wrong = await difference(fs, target, file)
    if (wrong === undefined) continue
    throw new MillraceError('MR_OUTPUT_FAILED', `${join(target, file.name)} ${wrong}`, {
      details: { target, file: file.name },
    })
  }
}

/** How a file differs from what was committed, or undefined. */
async function difference(
  fs: FileSystem,
  directory: string,
  file: StagedFile,
): Promise<string | undefined> {
  const digest = await digestFile(fs, join(directory, file.name))
  if (digest === undefined) return 'is gone'
  if (digest.bytes !== file.bytes) {
    return `has ${String(digest.bytes)} bytes, not the ${String(file.bytes)} that were committed`
  }
  return digest.crc32c === file.crc32c ? undefined : 'has other content than what was committed'
}

/** Staging directory of an output in a commit: to be kept until it is published. */
export function stagingOf(staged: StagedTextFiles, place: TextFilesPlace): string {
  const files = staged.parts.map((part) => decodeStagedFile(part.payload))
  return placeOf(staged, files, place).staging
}

/**
 * Removes the staging directories of these outputs that no commit names (`keep`: paths by
 * `stagingOf`). To be called when no attempt is running. Resolves with the paths that were removed.
 */
export async function removeStale(
  fs: FileSystem,
  outputs: readonly TextFilesOutput[],
  place: TextFilesPlace,
  keep: ReadonlySet<string>,
): Promise<readonly string[]> {
  const removed: string[] = []
  for (const output of outputs) {
    const { parent, isStaging } = stagingPattern(output, place)
    for (const name of (await fs.list(parent)) ?? []) {
      const path = join(parent, name)
      if (!isStaging(name) || keep.has(path)) continue
      await fs.remove(path)
      removed.push(path)
    }
  }
  return removed
}

async function asOutputError<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MillraceError && error.code !== 'MR_SHORT_WRITE') throw error
    const code = isDiskFull(error) ? 'MR_DISK_FULL' : 'MR_OUTPUT_FAILED'
    throw new MillraceError(code, `${what}: ${messageOf(error)}`, { cause: error })
  }
}

const occupied = (target: string): MillraceError =>
  new MillraceError(
    'MR_OUTPUT_FAILED',
    `${target} exists and was not written by this batch: move it away; nothing was overwritten`,
    { details: { target } },
  )

const lost = (target: string, what: string): MillraceError =>
  new MillraceError(
    'MR_STAGED_OUTPUT_LOST',
    `the committed output ${target} cannot be published: ${what}`,
    {
      details: { target },
    },
  )
