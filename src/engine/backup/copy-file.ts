/**
 * Copies files and knows them again. A crash leaves a file of any length, which nobody was told of:
 * directories are the caller's to sync.
 */
import { createHash, type Hash } from 'node:crypto'
import { MillraceError } from '../../base/errors.ts'
import type { FileSystem, ReadableFile } from '../../host/host.ts'

const PIECE_BYTES = 1024 * 1024

export interface Digest {
  readonly bytes: number
  /** SHA-256 in hex. */
  readonly sha256: string
}

export interface CopyOptions {
  /** Only so many bytes of the source; it must have them. Default: all. */
  readonly bytes?: number
  /** Written behind them. */
  readonly tail?: Uint8Array
  readonly signal?: AbortSignal | undefined
  onBytes?(bytes: number): void
}

/** Creates `to` (EEXIST when there is one), syncs it, and says what is in it. */
export async function copyFile(
  fs: FileSystem,
  from: string,
  to: string,
  options: CopyOptions = {},
): Promise<Digest> {
  const source = await fs.openRead(from)
  try {
    const file = await fs.create(to)
    try {
      const hash = createHash('sha256')
      let at = 0
      for await (const piece of pieces(source, from, options)) {
        await file.write(at, piece)
        hash.update(piece)
        at += piece.length
        options.onBytes?.(piece.length)
      }
      await file.sync()
      return { bytes: at, sha256: hash.digest('hex') }
    } finally {
      await file.close()
    }
  } finally {
    await source.close()
  }
}

async function* pieces(
  source: ReadableFile,
  path: string,
  { bytes = Infinity, tail, signal }: CopyOptions,
): AsyncGenerator<Uint8Array> {
  let at = 0
  while (at < bytes) {
    signal?.throwIfAborted()
    const piece = await source.read(at, Math.min(PIECE_BYTES, bytes - at))
    if (piece.length === 0) break
    yield piece
    at += piece.length
  }
  if (bytes !== Infinity && at < bytes) {
    const what = `${path} ends at byte ${String(at)}, before ${String(bytes)}`
    throw new MillraceError('MR_LOG_DAMAGED', what, { details: { file: path, offset: at } })
  }
  if (tail !== undefined && tail.length > 0) yield tail
}

export async function digestOf(
  fs: FileSystem,
  path: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<Digest> {
  const file = await fs.openRead(path)
  try {
    const hash: Hash = createHash('sha256')
    let at = 0
    for await (const piece of pieces(file, path, {})) {
      hash.update(piece)
      at += piece.length
      onBytes(piece.length)
    }
    return { bytes: at, sha256: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

/** Paths of all files below a directory, relative to it, sorted; links and devices are left out. */
export async function filesBelow(
  fs: Pick<FileSystem, 'list' | 'stat'>,
  directory: string,
): Promise<readonly { readonly path: string; readonly bytes: number }[]> {
  const found: { path: string; bytes: number }[] = []
  for (const name of (await fs.list(directory)) ?? []) {
    const stat = await fs.stat(`${directory}/${name}`)
    if (stat?.kind === 'file') found.push({ path: name, bytes: stat.bytes })
    if (stat?.kind !== 'directory') continue
    const below = await filesBelow(fs, `${directory}/${name}`)
    for (const { path, bytes } of below) found.push({ path: `${name}/${path}`, bytes })
  }
  return found
}
