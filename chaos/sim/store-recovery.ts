/**
 * How LevelDB's twin opens a store and how it repairs one: which files it reads, writes, swaps and
 * deletes, in which order, and what it believes.
 *
 * A crash at any line leaves the files of before behind CURRENT, or the new ones; the deletions and
 * the rename of CURRENT survive in any choice, until somebody syncs the directory.
 */
import {
  batchesOf,
  decodeEntries,
  decodeManifest,
  type Edit,
  encodeEdit,
  encodeEntries,
  type Entry,
  isLog,
  logName,
  manifestName,
  numberIn,
  tableName,
  temporaryName,
} from './store-format.ts'
import type { StoreFiles } from './store-files.ts'

export type Contents = Map<string, Uint8Array>

export function addAll(to: Map<string, Uint8Array | undefined>, entries: readonly Entry[]): void {
  for (const [key, value] of entries) to.set(key, value)
}

/** Opens: what the log held becomes a table, and a new log and MANIFEST begin. */
export async function recover(files: StoreFiles): Promise<Recovered> {
  if (!(await files.list()).includes('CURRENT')) await begin(files)
  const edit = await readEdit(files)
  const contents: Map<string, Uint8Array | undefined> = new Map()
  for (const n of edit.tables) addAll(contents, decodeEntries(await files.read(tableName(n))))
  const names = await files.list()
  const unwritten = new Map<string, Uint8Array | undefined>()
  for (const name of names) {
    if (!isLog(name) || numberIn(name) < edit.log) continue
    for (const batch of batchesOf(await files.read(name))) addAll(unwritten, batch)
  }
  let next = Math.max(edit.log, ...names.map(numberIn)) + 1
  const manifest = next++
  let tables = edit.tables
  if (unwritten.size > 0) {
    addAll(contents, [...unwritten])
    tables = [...tables, next]
    await files.writeAndSync(tableName(next++), encodeEntries(unwritten))
  }
  const log = next++
  await files.create(logName(log))
  await files.create(manifestName(manifest))
  await files.write(manifestName(manifest), encodeEdit({ log, tables }))
  await files.syncDirectory()
  await files.sync(manifestName(manifest))
  await swapCurrent(files, manifest)
  const kept = new Set(['LOCK', 'CURRENT', manifestName(manifest), logName(log)])
  for (const n of tables) kept.add(tableName(n))
  for (const name of await files.list()) if (!kept.has(name)) await files.unlink(name)
  // The seam's part, not LevelDB's: see `node-stores.ts`.
  await files.syncDirectory()
  const live: Contents = new Map()
  for (const [key, value] of contents) if (value !== undefined) live.set(key, value)
  return { contents: live, log, manifest, next, tables }
}

async function begin(files: StoreFiles): Promise<void> {
  await files.create(manifestName(1))
  await files.write(manifestName(1), encodeEdit({ log: 0, tables: [] }))
  await swapCurrent(files, 1)
}

async function readEdit(files: StoreFiles): Promise<Edit> {
  const current = Buffer.from(await files.read('CURRENT')).toString()
  if (!/^MANIFEST-\d+\n$/.test(current)) throw new Error('Corruption: CURRENT file')
  const manifest = current.trimEnd()
  if (!(await files.list()).includes(manifest)) {
    throw new Error('Corruption: CURRENT points to a non-existent file: no such file')
  }
  const edit = decodeManifest(await files.read(manifest))
  const names = await files.list()
  const missing = edit.tables.find((n) => !names.includes(tableName(n)))
  if (missing === undefined) return edit
  throw new Error(`Corruption: missing files; e.g.: ${tableName(missing)}`)
}

async function swapCurrent(files: StoreFiles, manifest: number): Promise<void> {
  await files.writeAndSync(temporaryName(manifest), Buffer.from(`${manifestName(manifest)}\n`))
  await files.rename(temporaryName(manifest), 'CURRENT')
}

/** Everything that can be read, in the order of the files' numbers, under a new MANIFEST. */
export async function repair(files: StoreFiles): Promise<void> {
  const names = [...(await files.list())].sort((a, b) => numberIn(a) - numberIn(b))
  const found = new Map<string, Uint8Array | undefined>()
  for (const name of names) {
    if (isLog(name)) {
      for (const batch of batchesOf(await files.read(name))) addAll(found, batch)
    } else if (name.endsWith('.ldb')) {
      addAll(found, decodeEntries(await files.read(name)))
    }
  }
  if (names.length === 0) throw new Error('IO error: no such file or directory')
  const next = Math.max(...names.map(numberIn)) + 1
  await files.writeAndSync(tableName(next), encodeEntries(found))
  await files.writeAndSync(manifestName(next + 1), encodeEdit({ log: next + 1, tables: [next] }))
  await swapCurrent(files, next + 1)
  for (const name of names) if (name !== 'LOCK' && name !== 'CURRENT') await files.unlink(name)
}

export interface Recovered {
  readonly contents: Contents
  readonly log: number
  readonly manifest: number
  readonly next: number
  readonly tables: readonly number[]
}
