/**
 * LevelDB's twin on the simulated disk. `store-calls.ts` holds its system calls against those of
 * the real one.
 *
 * What it promises, and no more: a synced batch survives once its log's directory entry does (the
 * seam syncs that, as `node-stores.ts`); an unsynced one may be lost or torn; at open the log
 * becomes a table, the MANIFEST is written anew, CURRENT is swapped by a rename that nothing syncs,
 * and what is left over is deleted; after a failed write or sync every later write fails, until the
 * store is opened again. It verifies as little as LevelDB does.
 */
import { MillraceError } from '../../src/base/errors.ts'
import type { KeyValueStore, StoreOperation, Stores } from '../../src/host/host.ts'
import { closedStore, storeError } from '../../src/host/store-errors.ts'
import type { SimDisk } from './disk.ts'
import type { Gate } from './gate.ts'
import {
  compareKeys,
  decodeEntries,
  encodeEdit,
  encodeEntries,
  type Entry,
  frame,
  logName,
  manifestName,
  tableName,
} from './store-format.ts'
import { StoreFiles } from './store-files.ts'
import { addAll, type Contents, recover, type Recovered, repair } from './store-recovery.ts'

/** LevelDB's is 4 MiB; small stores should meet the change of logs as well. */
const WRITE_BUFFER_BYTES = 64 * 1024
const TABLES_MAX = 4

/** The stores of one machine in one life: who died with it holds no lock any more. */
export function simStores(disk: SimDisk, gate: Gate): Stores {
  const open = new Set<string>()
  const register = (path: string): (() => void) => {
    if (open.has(path)) throw new MillraceError('MR_DIRECTORY_OWNED', `${path} is open already`)
    open.add(path)
    return () => open.delete(path)
  }
  return {
    async open(path, options) {
      const release = register(path)
      try {
        const files = new StoreFiles(disk, gate, path)
        const names = await files.list()
        checkThere(path, names, options.create)
        if (options.keep !== undefined && names.length > 0) await files.keep(names, options.keep)
        await files.makeDirectory()
        if (!names.includes('LOCK')) await files.create('LOCK')
        return new TwinStore(files, await recover(files), release)
      } catch (error) {
        release()
        throw storeError(path, error)
      }
    },
    async repair(path) {
      const release = register(path)
      try {
        await repair(new StoreFiles(disk, gate, path))
      } catch (error) {
        throw storeError(path, error)
      } finally {
        release()
      }
    },
  }
}

function checkThere(path: string, names: readonly string[], create: boolean): void {
  if (names.includes('CURRENT')) return
  if (!create) throw new MillraceError('MR_CHECKPOINT_DAMAGED', `${path}: there is no store`)
  const table = names.find((name) => name.endsWith('.ldb'))
  if (table === undefined) return
  throw new MillraceError('MR_CHECKPOINT_DAMAGED', `${path}: ${table} but no CURRENT`)
}

class TwinStore implements KeyValueStore {
  readonly #files: StoreFiles
  readonly #contents: Contents
  readonly #release: () => void
  #unwritten = new Map<string, Uint8Array | undefined>()
  #log: number
  #logBytes = 0
  #logEntryDurable = true
  readonly #manifest: number
  #next: number
  #tables: readonly number[]
  #wedged: Error | undefined
  #closed = false
  #last: Promise<unknown> = Promise.resolve()

  constructor(files: StoreFiles, of: Recovered, release: () => void) {
    this.#files = files
    this.#contents = of.contents
    this.#log = of.log
    this.#manifest = of.manifest
    this.#next = of.next
    this.#tables = of.tables
    this.#release = release
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    this.#check()
    await this.#files.turn()
    const value = this.#contents.get(key)
    return value === undefined ? undefined : new Uint8Array(value)
  }

  batch(operations: readonly StoreOperation[], options: { sync: boolean }): Promise<void> {
    const entries = operations.map((operation): Entry =>
      operation.kind === 'put'
        ? [operation.key, new Uint8Array(operation.value)]
        : [operation.key, undefined],
    )
    const written = this.#last.then(() => this.#write(entries, options.sync))
    this.#last = written.catch(() => undefined)
    return written
  }

  async #write(entries: readonly Entry[], sync: boolean): Promise<void> {
    this.#check()
    try {
      if (this.#wedged !== undefined) throw this.#wedged
      const full = this.#logBytes > WRITE_BUFFER_BYTES
      const before = { log: this.#log, entries: this.#unwritten }
      if (full) await this.#beginLog()
      const bytes = frame(encodeEntries(entries))
      await this.#files.write(logName(this.#log), bytes)
      this.#logBytes += bytes.length
      if (sync) await this.#files.sync(logName(this.#log))
      addAll(this.#unwritten, entries)
      for (const [key, value] of entries) {
        if (value === undefined) this.#contents.delete(key)
        else this.#contents.set(key, value)
      }
      if (sync && !this.#logEntryDurable) await this.#files.syncDirectory()
      if (sync) this.#logEntryDurable = true
      if (full) await this.#flush(before)
    } catch (error) {
      this.#wedged ??= noSpace(error)
      throw storeError(this.#files.path, this.#wedged)
    }
  }

  async #beginLog(): Promise<void> {
    this.#log = this.#next++
    this.#logBytes = 0
    this.#logEntryDurable = false
    this.#unwritten = new Map()
    await this.#files.create(logName(this.#log))
  }

  /** What the log before held becomes a table, and that log goes. */
  async #flush(before: {
    readonly log: number
    readonly entries: Map<string, Uint8Array | undefined>
  }): Promise<void> {
    const files = this.#files
    const old = this.#tables
    const table = this.#next++
    const merges = old.length >= TABLES_MAX
    const merged = new Map<string, Uint8Array | undefined>()
    if (merges) for (const n of old) addAll(merged, decodeEntries(await files.read(tableName(n))))
    addAll(merged, [...before.entries])
    await files.writeAndSync(tableName(table), encodeEntries(merged))
    this.#tables = merges ? [table] : [...old, table]
    const edit = { log: this.#log, tables: this.#tables }
    await files.write(manifestName(this.#manifest), encodeEdit(edit))
    await files.syncDirectory()
    await files.sync(manifestName(this.#manifest))
    await files.unlink(logName(before.log))
    if (merges) for (const n of old) await files.unlink(tableName(n))
  }

  async *entries(
    range: { from?: string; to?: string } = {},
  ): AsyncGenerator<readonly [key: string, value: Uint8Array]> {
    this.#check()
    const { from, to } = range
    const chosen: (readonly [string, Uint8Array])[] = []
    for (const entry of this.#contents) {
      if (from !== undefined && compareKeys(entry[0], from) < 0) continue
      if (to === undefined || compareKeys(entry[0], to) < 0) chosen.push(entry)
    }
    chosen.sort((a, b) => compareKeys(a[0], b[0]))
    await this.#files.turn()
    for (const [key, value] of chosen) {
      this.#check()
      yield [key, new Uint8Array(value)]
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#last
    this.#release()
  }

  #check(): void {
    if (this.#closed) throw closedStore(this.#files.path)
  }
}

/** LevelDB goes on after a short write, and meets the full disk. */
function noSpace(error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'MR_SHORT_WRITE' || code === 'ENOSPC') {
    return new Error('IO error: No space left on device', { cause: error })
  }
  return error instanceof Error ? error : new Error(String(error))
}
