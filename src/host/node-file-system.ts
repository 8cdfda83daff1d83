/**
 * Files by Node. What survives a crash is said in `host.ts`; here every byte count is checked, and
 * no error is retried.
 */
import fs from 'node:fs'
import { dirname, resolve } from 'node:path'
import { promisify } from 'node:util'

import { MillraceError } from '../base/errors.ts'
import type { Appender, FileStat, FileSystem, ReadableFile, WritableFile } from './host.ts'
import { NodeAppender } from './node-appender.ts'

const { promises } = fs
const read = promisify(fs.read)
const fstat = promisify(fs.fstat)
const closeDescriptor = promisify(fs.close)

class NodeReadableFile implements ReadableFile {
  readonly #descriptor: number

  constructor(descriptor: number) {
    this.#descriptor = descriptor
  }

  async read(position: number, length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const { bytesRead } = await read(
        this.#descriptor,
        bytes,
        done,
        length - done,
        position + done,
      )
      if (bytesRead === 0) break
      done += bytesRead
    }
    return bytes.subarray(0, done)
  }

  readSync(position: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    let done = 0
    while (done < length) {
      const n = fs.readSync(this.#descriptor, bytes, done, length - done, position + done)
      if (n === 0) break
      done += n
    }
    return bytes.subarray(0, done)
  }

  async size(): Promise<number> {
    return (await fstat(this.#descriptor)).size
  }

  async close(): Promise<void> {
    await closeDescriptor(this.#descriptor)
  }
}

class NodeWritableFile implements WritableFile {
  readonly #handle: fs.promises.FileHandle
  readonly #path: string

  constructor(handle: fs.promises.FileHandle, path: string) {
    this.#handle = handle
    this.#path = path
  }

  async write(position: number, bytes: Uint8Array): Promise<void> {
    const { bytesWritten } = await this.#handle.write(bytes, 0, bytes.length, position)
    if (bytesWritten === bytes.length) return
    const counts = `${String(bytesWritten)} of ${String(bytes.length)} bytes`
    throw new MillraceError('MR_SHORT_WRITE', `${this.#path}: ${counts} at ${String(position)}`)
  }

  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  async truncate(length: number): Promise<void> {
    await this.#handle.truncate(length)
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** The value, or undefined when the path leads nowhere. */
async function unlessMissing<T>(value: Promise<T>): Promise<T | undefined> {
  try {
    return await value
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function statOf(stats: fs.Stats): FileStat {
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other'
  return { kind, bytes: stats.size, modifiedMs: stats.mtimeMs, inode: stats.ino }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const file = new NodeWritableFile(await promises.open(path, 'w'), path)
  try {
    await file.write(0, bytes)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export const nodeFileSystem: FileSystem = {
  async openRead(path) {
    return new NodeReadableFile(await promisify(fs.open)(path, 'r'))
  },
  openReadSync: (path) => new NodeReadableFile(fs.openSync(path, 'r')),
  create: async (path) => new NodeWritableFile(await promises.open(path, 'wx'), path),
  openWrite: async (path) => new NodeWritableFile(await promises.open(path, 'r+'), path),
  async readFile(path) {
    const bytes = await promises.readFile(path)
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  },
  async writeFileDurably(path, bytes) {
    const aside = `${path}.tmp`
    await writeWhole(aside, bytes)
    await promises.rename(aside, path)
    await syncDirectory(dirname(path))
  },
  rename: (from, to) => promises.rename(from, to),
  unlink: (path) => promises.unlink(path),
  remove: (path) => promises.rm(path, { recursive: true, force: true }),
  async makeDirectory(path) {
    await makeWithParents(resolve(path))
  },
  syncDirectory,
  async list(path) {
    const names = await unlessMissing(promises.readdir(path))
    return names?.sort()
  },
  async stat(path) {
    const stats = await unlessMissing(promises.stat(path))
    return stats && statOf(stats)
  },
  async freeBytes(path) {
    const { bavail, bsize } = await promises.statfs(path)
    return bavail * bsize
  },
  openAppender: (): Promise<Appender> => Promise.resolve(new NodeAppender()),
}

/**
 * Node's own recursion never ends below directories like /proc, where a parent is there and is not.
 */
async function makeWithParents(path: string): Promise<void> {
  try {
    await promises.mkdir(path)
    return
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) await refuseOther(path, error)
    else {
      await makeWithParents(dirname(path))
      await promises.mkdir(path).catch((again: unknown) => refuseOther(path, again))
    }
  }
}

/** A directory that is there already is as good as made, whatever the attempt was refused with. */
async function refuseOther(path: string, error: unknown): Promise<void> {
  const stats = await unlessMissing(promises.stat(path))
  if (stats?.isDirectory() !== true) throw error
}
