/**
 * A directory that appears complete, under its name, or not at all: it is made aside as
 * `<name>.partial`, synced, and renamed. Nothing is ever overwritten. A crash leaves the aside one,
 * which the next attempt at the same name removes: a file in it says that it is ours. That file
 * goes last, and means nothing under the final name.
 */
import { basename, dirname } from 'node:path'
import { utf8 } from '../../base/bytes.ts'
import { MillraceError } from '../../base/errors.ts'
import type { FileSystem } from '../../host/host.ts'
import { filesBelow } from './copy-file.ts'

const MARK = 'millrace-partial'

export interface NewDirectory {
  /** Where it is being made. */
  readonly path: string
  /** Gives it its name. The content of its files must have been synced. */
  finish(): Promise<void>
  discard(): Promise<void>
}

/** Throws `MR_TARGET_EXISTS`; `MR_CONFIG_INVALID` where the parent is no directory. */
export async function newDirectory(fs: FileSystem, target: string): Promise<NewDirectory> {
  const there = await fs.stat(target)
  const empty = there?.kind === 'directory' && (await fs.list(target))?.length === 0
  if (there !== undefined && !empty) {
    throw new MillraceError(
      'MR_TARGET_EXISTS',
      `${target} exists: nothing is overwritten; name a directory that does not exist yet`,
      { details: { target } },
    )
  }
  if ((await fs.stat(dirname(target)))?.kind !== 'directory') {
    const text = `${dirname(target)} is no directory: make it first`
    throw new MillraceError('MR_CONFIG_INVALID', text, { details: { target } })
  }
  const path = `${target}.partial`
  await removeOwn(fs, path)
  await fs.makeDirectory(path)
  await fs.writeFileDurably(`${path}/${MARK}`, utf8(`${basename(target)}\n`))
  return {
    path,
    discard: () => fs.remove(path),
    async finish() {
      const directories = new Set([path])
      for (const { path: file } of await filesBelow(fs, path)) {
        for (let at = dirname(file); at !== '.'; at = dirname(at)) directories.add(`${path}/${at}`)
      }
      for (const directory of directories) await fs.syncDirectory(directory)
      if (empty) await fs.remove(target)
      await fs.rename(path, target)
      await fs.syncDirectory(dirname(target))
      await fs.unlink(`${target}/${MARK}`)
      await fs.syncDirectory(target)
    },
  }
}

async function removeOwn(fs: FileSystem, path: string): Promise<void> {
  const names = await fs.list(path)
  if (names === undefined || names.length === 0 || names.includes(MARK)) {
    await fs.remove(path)
    return
  }
  throw new MillraceError('MR_TARGET_EXISTS', `${path} exists and is not of millrace: move it`, {
    details: { target: path },
  })
}

/** Throws `MR_DISK_FULL`. */
export async function checkSpace(
  fs: Pick<FileSystem, 'freeBytes'>,
  path: string,
  bytes: number,
  what: string,
): Promise<void> {
  const free = await fs.freeBytes(path)
  if (free >= bytes) return
  throw new MillraceError(
    'MR_DISK_FULL',
    `${what} needs ${String(bytes)} bytes, but only ${String(free)} are free at ${path}: ` +
      'nothing was changed',
    { details: { path, bytes, free } },
  )
}
