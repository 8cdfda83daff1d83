/**
 * The log's thread on the simulated disk: calls one after the other; a write and its sync are two
 * effects; after a failed write or sync every later call fails too.
 */
import { isMillraceError, messageOf, MillraceError } from '../../src/base/errors.ts'
import type { Appender } from '../../src/host/host.ts'
import { failure, type SimDisk } from './disk.ts'
import { syncFile, writeAll } from './disk-calls.ts'
import type { Gate } from './gate.ts'
import type { Inode } from './inode.ts'
import { kindOf, kindOfGroup } from './labels.ts'

interface Open {
  readonly path: string
  readonly file: Inode
}

export class SimAppender implements Appender {
  readonly #disk: SimDisk
  readonly #gate: Gate
  readonly #files = new Map<number, Open>()
  #opened = 0
  #closed = false
  #failure: string | undefined
  #last: Promise<unknown> = Promise.resolve()

  constructor(disk: SimDisk, gate: Gate) {
    this.#disk = disk
    this.#gate = gate
  }

  open(path: string): Promise<number> {
    return this.#next(() =>
      this.#gate.look(`open ${kindOf(path)}`, () => {
        this.#opened += 1
        this.#files.set(this.#opened, { path, file: this.#disk.file(path) })
        return this.#opened
      }),
    )
  }

  append(at: number, position: number, bytes: Uint8Array, sync: boolean): Promise<void> {
    return this.#guarded(async () => {
      const { path, file } = this.#file(at)
      const what = `${kindOf(path)} ${kindOfGroup(bytes)}`
      await this.#gate.effect(`write ${what}`, () => {
        writeAll(this.#gate, this.#disk, { path, file, position, bytes })
      })
      if (sync) await this.#sync(at, what)
    })
  }

  sync(at: number): Promise<void> {
    return this.#guarded(async () => {
      await this.#sync(at, kindOf(this.#file(at).path))
    })
  }

  async #sync(at: number, what: string): Promise<void> {
    const { path, file } = this.#file(at)
    await this.#gate.effect(`sync ${what}`, () => {
      syncFile(this.#gate, path, file)
    })
  }

  closeFile(at: number): Promise<void> {
    return this.#next(async () => {
      this.#file(at)
      this.#files.delete(at)
    })
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined)
    this.#closed = true
  }

  #file(at: number): Open {
    if (this.#closed) throw new MillraceError('MR_LOG_CLOSED', "the log's thread has ended")
    const found = this.#files.get(at)
    if (found === undefined) throw failure('EBADF', `no open file ${String(at)}`)
    return found
  }

  #guarded(work: () => Promise<void>): Promise<void> {
    return this.#next(async () => {
      if (this.#failure !== undefined) {
        const told = `an earlier write or sync failed: ${this.#failure}`
        throw new MillraceError('MR_LOG_FAILED', told)
      }
      try {
        await work()
      } catch (error) {
        if (!isMillraceError(error, 'MR_LOG_CLOSED')) this.#failure = messageOf(error)
        throw error
      }
    })
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work, work)
    this.#last = result.catch(() => undefined)
    return result
  }
}
