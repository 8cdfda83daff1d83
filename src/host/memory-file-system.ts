/**
 * Files in memory, for tests and for contexts without a directory. It keeps to the contract of
 * `FileSystem` (one suite runs on both), except that nothing survives the process and syncs have
 * nothing to do.
 */
import { dirname, normalize } from 'node:path'

import { MillraceError } from '../base/errors.ts'
import type { Appender, FileStat, FileSystem, OwnBytes } from './host.ts'
import type { ReadableFile, WritableFile } from './host.ts'

/**
 * Bytes that grow on demand; what lies between them and the length is zero, as in a file of holes.
 */
class Content {
  readonly inode: number
  length = 0
  #bytes = new Uint8Array(0)

  constructor(inode: number) {
    this.inode = inode
  }

  write(position: number, bytes: Uint8Array): void {
    const end = position + bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.set(bytes, position)
    this.length = Math.max(this.length, end)
  }

  read(position: number, length: number): Uint8Array {
    const end = Math.max(position, Math.min(position + length, this.length))
    const bytes = new Uint8Array(end - position)
    bytes.set(this.#bytes.subarray(position, end))
    return bytes
  }

  truncate(length: number): void {
    if (length < this.#bytes.length) this.#bytes = this.#bytes.slice(0, length)
    this.length = length
  }
}

function failure(code: 'ENOENT' | 'EEXIST' | 'EBADF', what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}

/** A file as one opener sees it: it lives on when its name is gone. */
class MemoryFile implements ReadableFile, WritableFile {
  readonly #content: Content
  #open = true

  constructor(content: Content) {
    this.#content = content
  }

  #checked(): Content {
    if (!this.#open) throw failure('EBADF', 'the file is closed')
    return this.#content
  }

  readSync(position: number, length: number): Uint8Array {
    return this.#checked().read(position, length)
  }
  read(position: number, length: number): Promise<Uint8Array> {
    return attempt(() => this.readSync(position, length))
  }
  size(): Promise<number> {
    return attempt(() => this.#checked().length)
  }
  writeSync(position: number, bytes: Uint8Array): void {
    this.#checked().write(position, bytes)
  }
  write(position: number, bytes: Uint8Array): Promise<void> {
    return attempt(() => {
      this.writeSync(position, bytes)
    })
  }
  sync(): Promise<void> {
    return attempt(() => {
      this.#checked()
    })
  }
  truncate(length: number): Promise<void> {
    return attempt(() => {
      this.#checked().truncate(length)
    })
  }
  close(): Promise<void> {
    return attempt(() => {
      this.#checked()
      this.#open = false
    })
  }
}

/** A throw becomes a rejection, as it would be with a real disk. */
const attempt = <T>(f: () => T): Promise<T> =>
  new Promise((resolve) => {
    resolve(f())
  })

class MemoryAppender implements Appender {
  readonly #fs: MemoryFileSystem
  readonly #files = new Map<number, MemoryFile>()
  #opened = 0
  #closed = false

  constructor(fs: MemoryFileSystem) {
    this.#fs = fs
  }

  #file(file: number): MemoryFile {
    if (this.#closed) throw new MillraceError('MR_LOG_CLOSED', "the log's thread has ended")
    const found = this.#files.get(file)
    if (found === undefined) throw failure('EBADF', `no open file ${String(file)}`)
    return found
  }

  open(path: string): Promise<number> {
    return attempt(() => {
      this.#opened += 1
      this.#files.set(this.#opened, this.#fs.openSync(path))
      return this.#opened
    })
  }
  append(file: number, position: number, bytes: OwnBytes): Promise<OwnBytes> {
    return attempt(() => {
      const taken = structuredClone(bytes, { transfer: [bytes.buffer] })
      this.#file(file).writeSync(position, taken)
      return taken
    })
  }
  sync(file: number): Promise<void> {
    return attempt(() => {
      this.#file(file)
    })
  }
  closeFile(file: number): Promise<void> {
    return attempt(() => {
      this.#file(file)
      this.#files.delete(file)
    })
  }
  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }
}

export interface MemoryFileSystemOptions {
  /** For the modification times of files; default: always 0. */
  readonly now?: () => number
}

export class MemoryFileSystem implements FileSystem {
  readonly #files = new Map<string, Content>()
  readonly #directories = new Set<string>(['/', '.'])
  readonly #modified = new Map<string, number>()
  readonly #now: () => number
  #inodes = 0

  constructor(options: MemoryFileSystemOptions = {}) {
    this.#now = options.now ?? (() => 0)
  }

  openSync(path: string): MemoryFile {
    const content = this.#files.get(normalize(path))
    if (content === undefined) throw failure('ENOENT', path)
    return new MemoryFile(content)
  }
  openReadSync(path: string): ReadableFile {
    return this.openSync(path)
  }
  openRead(path: string): Promise<ReadableFile> {
    return attempt(() => this.openSync(path))
  }
  openWrite(path: string): Promise<WritableFile> {
    return attempt(() => {
      this.#modified.set(normalize(path), this.#now())
      return this.openSync(path)
    })
  }
  create(path: string): Promise<WritableFile> {
    return attempt(() => {
      if (this.#exists(normalize(path))) throw failure('EEXIST', path)
      return new MemoryFile(this.#make(normalize(path)))
    })
  }

  #exists(path: string): boolean {
    return this.#files.has(path) || this.#directories.has(path)
  }

  #make(path: string): Content {
    if (!this.#directories.has(dirname(path))) throw failure('ENOENT', path)
    this.#inodes += 1
    const content = new Content(this.#inodes)
    this.#files.set(path, content)
    this.#modified.set(path, this.#now())
    return content
  }

  async readFile(path: string): Promise<Uint8Array> {
    const file = this.openSync(path)
    return file.read(0, await file.size())
  }
  writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
    return attempt(() => {
      this.#make(normalize(path)).write(0, bytes)
    })
  }
  rename(from: string, to: string): Promise<void> {
    return attempt(() => {
      const [source, target] = [normalize(from), normalize(to)]
      const content = this.#files.get(source)
      if (content === undefined) {
        this.#renameDirectory(source, target)
        return
      }
      if (!this.#directories.has(dirname(target))) throw failure('ENOENT', to)
      this.#files.set(target, content)
      this.#files.delete(source)
    })
  }

  #renameDirectory(from: string, to: string): void {
    if (!this.#directories.has(from)) throw failure('ENOENT', from)
    const moved = (path: string): string => to + path.slice(from.length)
    const inside = (path: string): boolean => path === from || path.startsWith(`${from}/`)
    for (const path of [...this.#directories].filter(inside)) {
      this.#directories.delete(path)
      this.#directories.add(moved(path))
    }
    for (const [path, content] of [...this.#files].filter(([at]) => inside(at))) {
      this.#files.delete(path)
      this.#files.set(moved(path), content)
    }
  }

  unlink(path: string): Promise<void> {
    return attempt(() => {
      if (!this.#files.delete(normalize(path))) throw failure('ENOENT', path)
    })
  }
  remove(path: string): Promise<void> {
    return attempt(() => {
      const root = normalize(path)
      const inside = (at: string): boolean => at === root || at.startsWith(`${root}/`)
      for (const at of [...this.#files.keys()].filter(inside)) this.#files.delete(at)
      for (const at of [...this.#directories].filter(inside)) this.#directories.delete(at)
    })
  }
  makeDirectory(path: string): Promise<void> {
    return attempt(() => {
      for (let at = normalize(path); !this.#directories.has(at); at = dirname(at)) {
        this.#directories.add(at)
      }
    })
  }
  syncDirectory(path: string): Promise<void> {
    return attempt(() => {
      if (!this.#directories.has(normalize(path))) throw failure('ENOENT', path)
    })
  }
  list(path: string): Promise<readonly string[] | undefined> {
    return attempt(() => {
      const root = normalize(path)
      if (!this.#directories.has(root)) return undefined
      const all = [...this.#files.keys(), ...this.#directories]
      const names = all.filter((at) => at !== root && dirname(at) === root)
      return names.map((at) => at.slice(at.lastIndexOf('/') + 1)).sort()
    })
  }
  stat(path: string): Promise<FileStat | undefined> {
    return attempt(() => {
      const at = normalize(path)
      const content = this.#files.get(at)
      const modifiedMs = this.#modified.get(at) ?? 0
      if (content !== undefined) {
        return { kind: 'file', bytes: content.length, modifiedMs, inode: content.inode }
      }
      if (!this.#directories.has(at)) return undefined
      return { kind: 'directory', bytes: 0, modifiedMs, inode: 0 }
    })
  }
  freeBytes(): Promise<number> {
    return Promise.resolve(Number.MAX_SAFE_INTEGER)
  }
  openAppender(): Promise<Appender> {
    return Promise.resolve(new MemoryAppender(this))
  }
}
