/**
 * `FileSystem` over the simulated disk. Each call is made of the system calls the real one makes,
 * each an effect of its own, so that a crash finds `writeFileDurably` or `remove` in every middle.
 */
import { dirname, normalize } from 'node:path'
import type {
  Appender,
  FileStat,
  FileSystem,
  ReadableFile,
  WritableFile,
} from '../../src/host/host.ts'
import { failure, type SimDisk } from './disk.ts'
import { readFile, syncFile, writeAll } from './disk-calls.ts'
import type { Gate } from './gate.ts'
import type { Inode } from './inode.ts'
import { kindOf } from './labels.ts'
import { SimAppender } from './appender.ts'

export class SimFileSystem implements FileSystem {
  readonly #disk: SimDisk
  readonly #gate: Gate

  constructor(disk: SimDisk, gate: Gate) {
    this.#disk = disk
    this.#gate = gate
  }

  #effect<T>(verb: string, path: string, perform: () => T): Promise<T> {
    return this.#gate.effect(`${verb} ${kindOf(path)}`, perform)
  }

  openRead(path: string): Promise<ReadableFile> {
    return this.#gate.look(`open ${kindOf(path)}`, () => this.openReadSync(path))
  }
  openReadSync(path: string): ReadableFile {
    return new OpenFile(this.#disk, this.#gate, path, this.#disk.file(path))
  }
  create(path: string): Promise<WritableFile> {
    return this.#effect('create', path, () => this.#open(path, this.#made(path)))
  }
  openWrite(path: string): Promise<WritableFile> {
    return this.#gate.look(`open ${kindOf(path)}`, () => this.#open(path, this.#disk.file(path)))
  }
  #open(path: string, file: Inode): OpenFile {
    return new OpenFile(this.#disk, this.#gate, path, file)
  }
  #made(path: string): Inode {
    return this.#disk.create(path, this.#gate.now())
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#gate.look(`read ${kindOf(path)}`, () => {
      const file = this.#disk.file(path)
      return readFile(this.#gate, path, file, [0, file.length])
    })
  }

  async writeFileDurably(path: string, bytes: Uint8Array): Promise<void> {
    const aside = `${path}.tmp`
    const file = await this.#effect('create', path, () => {
      const there = this.#disk.find(aside)
      if (there?.kind !== 'file') return this.#open(aside, this.#made(aside))
      there.truncate(0)
      return this.#open(aside, there)
    })
    await file.write(0, bytes)
    await file.sync()
    await file.close()
    await this.rename(aside, path)
    await this.syncDirectory(dirname(path))
  }

  rename(from: string, to: string): Promise<void> {
    return this.#effect('rename', to, () => {
      this.#disk.rename(from, to)
    })
  }
  unlink(path: string): Promise<void> {
    return this.#effect('unlink', path, () => {
      this.#disk.unlink(path)
    })
  }
  async remove(path: string): Promise<void> {
    const found = await this.#gate.look(`find ${kindOf(path)}`, () => this.#disk.find(path))
    if (found === undefined) return
    if (found.kind === 'directory') {
      for (const name of found.names.keys()) await this.remove(`${path}/${name}`)
    }
    await this.#effect('remove', path, () => {
      if (this.#disk.find(path) !== undefined) this.#disk.unlink(path)
    })
  }
  async makeDirectory(path: string): Promise<void> {
    const missing = await this.#gate.look(`find ${kindOf(path)}`, () => {
      const paths: string[] = []
      for (let at = normalize(path); this.#disk.find(at) === undefined; at = dirname(at)) {
        paths.unshift(at)
      }
      return paths
    })
    for (const at of missing) {
      await this.#effect('mkdir', at, () => {
        this.#disk.makeDirectory(at)
      })
    }
  }
  syncDirectory(path: string): Promise<void> {
    return this.#effect('sync-directory', path, () => {
      this.#disk.syncDirectory(path)
    })
  }
  list(path: string): Promise<readonly string[] | undefined> {
    return this.#gate.look(`list ${kindOf(path)}`, () => {
      const found = this.#disk.find(path)
      return found?.kind === 'directory' ? [...found.names.keys()].sort() : undefined
    })
  }
  stat(path: string): Promise<FileStat | undefined> {
    return this.#gate.look(`stat ${kindOf(path)}`, () => {
      const found = this.#disk.find(path)
      if (found === undefined) return undefined
      const { kind, id: inode } = found
      if (kind === 'directory') return { kind, bytes: 0, modifiedMs: 0, inode }
      return { kind, bytes: found.length, modifiedMs: found.modifiedMs, inode }
    })
  }
  freeBytes(path: string): Promise<number> {
    return this.#gate.look(`space ${kindOf(path)}`, () => this.#disk.freeBytes)
  }
  openAppender(): Promise<Appender> {
    return Promise.resolve(new SimAppender(this.#disk, this.#gate))
  }
}

/** A file as one opener sees it: it lives on when its name is gone. */
class OpenFile implements ReadableFile, WritableFile {
  readonly #disk: SimDisk
  readonly #gate: Gate
  readonly #path: string
  readonly #file: Inode
  #open = true

  constructor(disk: SimDisk, gate: Gate, path: string, file: Inode) {
    this.#disk = disk
    this.#gate = gate
    this.#path = path
    this.#file = file
  }

  #checked(): Inode {
    if (!this.#open) throw failure('EBADF', `the file is closed: ${this.#path}`)
    return this.#file
  }
  #effect(verb: string, perform: () => void): Promise<void> {
    return this.#gate.effect(`${verb} ${kindOf(this.#path)}`, perform)
  }

  readSync(position: number, length: number): Uint8Array {
    return readFile(this.#gate, this.#path, this.#checked(), [position, length])
  }
  read(position: number, length: number): Promise<Uint8Array> {
    return this.#gate.look(`read ${kindOf(this.#path)}`, () => this.readSync(position, length))
  }
  size(): Promise<number> {
    return this.#gate.look(`stat ${kindOf(this.#path)}`, () => this.#checked().length)
  }
  write(position: number, bytes: Uint8Array): Promise<void> {
    return this.#effect('write', () => {
      const [path, file] = [this.#path, this.#checked()]
      writeAll(this.#gate, this.#disk, { path, file, position, bytes })
    })
  }
  sync(): Promise<void> {
    return this.#effect('sync', () => {
      syncFile(this.#gate, this.#path, this.#checked())
    })
  }
  truncate(length: number): Promise<void> {
    return this.#effect('truncate', () => {
      this.#checked().truncate(length)
    })
  }
  close(): Promise<void> {
    return this.#gate.look(`close ${kindOf(this.#path)}`, () => {
      this.#checked()
      this.#open = false
    })
  }
}
