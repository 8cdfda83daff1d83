/**
 * One staged part file as it lies in a commit: what publication needs to find it and to know it
 * again. Pure.
 *
 *   staged := version:u8 (1)  staging:text  target:text  name:text  length:u64le  crc32c:u32le
 *   text   := length:varint utf8
 *
 * `staging` and `target` are absolute paths of directories; `name` is the file's name in either.
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'

export interface StagedFile {
  readonly staging: string
  readonly target: string
  readonly name: string
  /** Length in bytes. */
  readonly bytes: number
  /** CRC-32C of the whole file. */
  readonly crc32c: number
}

const VERSION = 1

export function encodeStagedFile(file: StagedFile): Uint8Array {
  const w = new ByteWriter(256)
  w.u8(VERSION).text(file.staging).text(file.target).text(file.name)
  return w.u64(file.bytes).u32(file.crc32c).finish()
}

/** Throws `MR_CHECKPOINT_DAMAGED`, or `MR_DIRECTORY_NEWER` for a version it does not know. */
export function decodeStagedFile(bytes: Uint8Array): StagedFile {
  const r = new ByteReader(bytes)
  try {
    const version = r.u8()
    if (version !== VERSION) {
      throw new MillraceError(
        'MR_DIRECTORY_NEWER',
        `a staged file of format ${String(version)}: this release knows format ${String(VERSION)}`,
      )
    }
    const file = {
      staging: r.text(),
      target: r.text(),
      name: r.text(),
      bytes: r.u64(),
      crc32c: r.u32(),
    }
    if (r.remaining > 0) throw new RangeError(`${String(r.remaining)} extra bytes`)
    return file
  } catch (error) {
    if (error instanceof MillraceError) throw error
    throw new MillraceError('MR_CHECKPOINT_DAMAGED', 'a staged file in a commit is unreadable', {
      cause: error,
    })
  }
}
