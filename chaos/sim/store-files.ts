/**
 * The files of one store of LevelDB's twin, each call one effect of the simulated disk with a label
 * that says which kind of file it was.
 */
import { dirname } from 'node:path'
import type { SimDisk } from './disk.ts'
import { readFile, syncFile, writeAll } from './disk-calls.ts'
import type { Gate } from './gate.ts'
import { kindOf } from './labels.ts'

export class StoreFiles {
  readonly path: string
  readonly #disk: SimDisk
  readonly #gate: Gate

  constructor(disk: SimDisk, gate: Gate, path: string) {
    this.#disk = disk
    this.#gate = gate
    this.path = path
  }

  #effect<T>(verb: string, name: string, perform: () => T): Promise<T> {
    const sort = name.replace(/^MANIFEST-\d+$/, 'MANIFEST').replace(/^\d+\./, '')
    return this.#gate.effect(`${verb} ${kindOf(this.path)} ${sort}`.trimEnd(), perform)
  }
  #at(name: string): string {
    return `${this.path}/${name}`
  }

  list(): Promise<readonly string[]> {
    return this.#gate.look(`list ${kindOf(this.path)}`, () => {
      const found = this.#disk.find(this.path)
      return found?.kind === 'directory' ? [...found.names.keys()].sort() : []
    })
  }
  read(name: string): Promise<Uint8Array> {
    return this.#gate.look(`read ${kindOf(this.path)}`, () => {
      const file = this.#disk.file(this.#at(name))
      return readFile(this.#gate, this.#at(name), file, [0, file.length])
    })
  }
  turn(): Promise<void> {
    return this.#gate.look(`read ${kindOf(this.path)}`, () => undefined)
  }
  create(name: string): Promise<void> {
    return this.#effect('create', name, () => {
      const there = this.#disk.find(this.#at(name))
      if (there?.kind === 'file') there.truncate(0)
      else this.#disk.create(this.#at(name), this.#gate.now())
    })
  }
  write(name: string, bytes: Uint8Array): Promise<void> {
    return this.#effect('write', name, () => {
      const path = this.#at(name)
      const file = this.#disk.file(path)
      writeAll(this.#gate, this.#disk, { path, file, position: file.length, bytes })
    })
  }
  sync(name: string): Promise<void> {
    return this.#effect('sync', name, () => {
      syncFile(this.#gate, this.#at(name), this.#disk.file(this.#at(name)))
    })
  }
  async writeAndSync(name: string, bytes: Uint8Array): Promise<void> {
    await this.create(name)
    await this.write(name, bytes)
    await this.sync(name)
  }
  rename(from: string, to: string): Promise<void> {
    return this.#effect('rename', to, () => {
      this.#disk.rename(this.#at(from), this.#at(to))
    })
  }
  unlink(name: string): Promise<void> {
    return this.#effect('unlink', name, () => {
      this.#disk.unlink(this.#at(name))
    })
  }
  syncDirectory(): Promise<void> {
    return this.#effect('sync-directory', '', () => {
      this.#disk.syncDirectory(this.path)
    })
  }
  async makeDirectory(): Promise<void> {
    const missing: string[] = []
    for (let at = this.path; this.#disk.find(at) === undefined; at = dirname(at))
      missing.unshift(at)
    for (const at of missing) {
      await this.#gate.effect(`mkdir ${kindOf(at)}`, () => this.#disk.makeDirectory(at))
    }
  }

  /** All files but LOCK under another directory, by links, complete or not there. */
  async keep(names: readonly string[], keep: string): Promise<void> {
    const partial = new StoreFiles(this.#disk, this.#gate, `${keep}.partial`)
    for (const name of await partial.list()) await partial.unlink(name)
    await partial.makeDirectory()
    for (const name of names) {
      if (name === 'LOCK') continue
      await partial.#effect('link', name, () => {
        this.#disk.link(this.#at(name), partial.#at(name))
      })
    }
    await partial.syncDirectory()
    await this.#gate.effect(`rename ${kindOf(keep)}`, () => {
      this.#disk.rename(partial.path, keep)
    })
    await this.#gate.effect(`sync-directory ${kindOf(dirname(keep))}`, () => {
      this.#disk.syncDirectory(dirname(keep))
    })
  }
}
