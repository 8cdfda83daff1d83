/**
 * Writing files and directories so that they survive, and knowing them again.
 *
 * A crash inside `makeDurableDirectory` leaves some of the directories; inside `writeDurableFile` a
 * file of any length, which nobody was told of.
 */
import { dirname } from 'node:path'
import { crc32c } from '../base/checksum.ts'
import type { FileSystem } from '../host/host.ts'

const PIECE_BYTES = 1024 * 1024

export interface FileDigest {
  /** Length in bytes. */
  readonly bytes: number
  readonly crc32c: number
}

/**
 * Makes a directory with its parents, and makes their entries survive: those made now, and all
 * below `root`, which an earlier process may have made and not synced.
 */
export async function makeDurableDirectory(
  fs: FileSystem,
  path: string,
  root: string,
): Promise<void> {
  const parents = [dirname(path)]
  let below = true
  for (let at = dirname(path); at !== dirname(at) && at !== root; at = dirname(at)) {
    below = at.startsWith(`${root}/`) || (await fs.stat(at)) === undefined
    if (!below) break
    parents.push(dirname(at))
  }
  await fs.makeDirectory(path)
  for (const parent of parents) await fs.syncDirectory(parent)
}

/**
 * Creates a file (EEXIST when there is one) of these pieces and syncs it; its directory is the
 * caller's to sync.
 */
export async function writeDurableFile(
  fs: FileSystem,
  path: string,
  pieces: Iterable<Uint8Array>,
): Promise<FileDigest> {
  const file = await fs.create(path)
  return await closing(file, async () => {
    let bytes = 0
    let crc = 0
    for (const piece of pieces) {
      await file.write(bytes, piece)
      bytes += piece.length
      crc = crc32c(piece, crc)
    }
    await file.sync()
    return { bytes, crc32c: crc }
  })
}

/** What a file holds now, or undefined when there is none. */
export async function digestFile(fs: FileSystem, path: string): Promise<FileDigest | undefined> {
  const stat = await fs.stat(path)
  if (stat?.kind !== 'file') return undefined
  const file = await fs.openRead(path)
  return await closing(file, async () => {
    let bytes = 0
    let crc = 0
    for (;;) {
      const piece = await file.read(bytes, PIECE_BYTES)
      if (piece.length === 0) return { bytes, crc32c: crc }
      bytes += piece.length
      crc = crc32c(piece, crc)
    }
  })
}

/** Closes the file whatever happens; both errors are kept. */
async function closing<T>(file: { close(): Promise<void> }, work: () => Promise<T>): Promise<T> {
  let result: T
  try {
    result = await work()
  } catch (error) {
    try {
      await file.close()
    } catch (second) {
      throw new AggregateError([error, second], 'work on a file failed, and so did closing it')
    }
    throw error
  }
  await file.close()
  return result
}
