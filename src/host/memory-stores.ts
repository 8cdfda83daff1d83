/**
 * `Stores` in memory, for tests and contexts without a directory. A store's directory holds one
 * file that names its contents, so that renaming, removing and keeping directories through the same
 * `FileSystem` means what it means for LevelDB. Contents outlive `close`; nothing outlives the
 * process, synced or not.
 */
import { present } from '../base/assert.ts'
import { compareBytes, utf8, utf8Text } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'
import type { FileSystem, KeyValueStore, StoreOperation, Stores } from './host.ts'
import { closedStore } from './store-errors.ts'

const NAME_FILE = 'CURRENT'

type Contents = Map<string, Uint8Array>

export function memoryStores(fs: FileSystem): Stores {
  const all = new Map<string, Contents>()
  const open = new Set<string>()
  let made = 0

  async function make(path: string, contents: Contents): Promise<string> {
    made += 1
    const name = `store ${String(made)}`
    all.set(name, contents)
    await fs.makeDirectory(path)
    await fs.writeFileDurably(`${path}/${NAME_FILE}`, utf8(name))
    return name
  }

  async function nameAt(path: string): Promise<string | undefined> {
    const stat = await fs.stat(`${path}/${NAME_FILE}`)
    return stat === undefined ? undefined : utf8Text(await fs.readFile(`${path}/${NAME_FILE}`))
  }

  return {
    async open(path, options) {
      if (open.has(path)) throw new MillraceError('MR_DIRECTORY_OWNED', `${path} is open already`)
      open.add(path)
      try {
        const there = await nameAt(path)
        if (there === undefined && !options.create) {
          throw new MillraceError('MR_CHECKPOINT_DAMAGED', `${path}: there is no store`)
        }
        const name = there ?? (await make(path, new Map()))
        const contents = present(all.get(name), 'contents of a store')
        if (options.keep !== undefined && there !== undefined) {
          await make(options.keep, new Map(contents))
        }
        return new MemoryStore(path, contents, () => open.delete(path))
      } catch (error) {
        open.delete(path)
        throw error
      }
    },

    async repair(path) {
      if ((await nameAt(path)) === undefined) {
        throw new MillraceError('MR_CHECKPOINT_DAMAGED', `${path}: there is no store`)
      }
    },
  }
}

class MemoryStore implements KeyValueStore {
  readonly #path: string
  readonly #contents: Contents
  readonly #release: () => void
  #closed = false

  constructor(path: string, contents: Contents, release: () => void) {
    this.#path = path
    this.#contents = contents
    this.#release = release
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    await this.#check()
    const value = this.#contents.get(key)
    return value === undefined ? undefined : new Uint8Array(value)
  }

  async batch(operations: readonly StoreOperation[]): Promise<void> {
    await this.#check()
    for (const operation of operations) {
      if (operation.kind === 'put')
        this.#contents.set(operation.key, new Uint8Array(operation.value))
      else this.#contents.delete(operation.key)
    }
  }

  async *entries(
    range: { from?: string; to?: string } = {},
  ): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    await this.#check()
    const sorted = [...this.#contents]
      .map(([key, value]) => ({ key, bytes: utf8(key), value }))
      .sort((a, b) => compareBytes(a.bytes, b.bytes))
    const from = range.from === undefined ? undefined : utf8(range.from)
    const to = range.to === undefined ? undefined : utf8(range.to)
    for (const { key, bytes, value } of sorted) {
      if (from !== undefined && compareBytes(bytes, from) < 0) continue
      if (to !== undefined && compareBytes(bytes, to) >= 0) return
      await this.#check()
      yield [key, new Uint8Array(value)]
    }
  }

  close(): Promise<void> {
    if (!this.#closed) this.#release()
    this.#closed = true
    return Promise.resolve()
  }

  /** Asynchronous, so that nothing succeeds or fails before LevelDB could. */
  async #check(): Promise<void> {
    await Promise.resolve()
    if (this.#closed) throw closedStore(this.#path)
  }
}
