/**
 * The log's thread on the simulated disk: calls one after the other; a write and its sync are two
 * effects; after a failed write or sync every later call fails too, except that a write which found
 * no room may be tried again.
 */
import { isDiskFull } from '../../src/base/disk-full.ts'
import { isMillraceError, messageOf, MillraceError } from '../../src/base/errors.ts'
import type { Appender, OwnBytes } from '../../src/host/host.ts'
import { failure, type SimDisk } from './disk.ts'
import { syncFile, writeAll } from './disk-calls.ts'
import type { Gate } from './gate.ts'
import type { Inode } from './inode.ts'
import { kindOf, kindOfGroup } from './labels.ts'

/** A write that failed for lack of room, as told from a sync that did. */
class NoRoom extends Error {
  constructor(cause: unknown) {
    super('no room', { cause })
  }
}

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

  append(at: number, position: number, given: OwnBytes, sync: boolean): Promise<OwnBytes> {
    // The memory is taken away at the call, as a thread takes it.
    const bytes = structuredClone(given, { transfer: [given.buffer] })
    return this.#guarded(async () => {
      const { path, file } = this.#file(at)
      const what = `${kindOf(path)} ${kindOfGroup(bytes)}`
      try {
        await this.#gate.effect(`write ${what}`, () => {
          writeAll(this.#gate, this.#disk, { path, file, position, bytes })
          this.#gate.wrote(path, file, position, bytes)
        })
      } catch (error) {
        throw isDiskFull(error) ? new NoRoom(error) : error
      }
      if (sync) await this.#sync(at, what)
      return bytes
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

  #guarded<T>(work: () => Promise<T>): Promise<T> {
    return this.#next(async () => {
      if (this.#failure !== undefined) {
        const told = `an earlier write or sync failed: ${this.#failure}`
        throw new MillraceError('MR_LOG_FAILED', told)
      }
      try {
        return await work()
      } catch (error) {
        if (error instanceof NoRoom) throw error.cause
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
