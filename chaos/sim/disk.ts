/**
 * The simulated disk: directories, their changes of names that no sync has made durable yet, a
 * byte budget. Synchronous and without chance but at a crash; `file-system.ts` makes a `FileSystem`
 * of it.
 *
 * At a crash the changes of each directory since its last sync survive up to some one of them (as
 * in a journal) or in any choice. A rename within a directory is one change; across two, both sides
 * share one fate.
 */
import { dirname, normalize } from 'node:path'
import type { Dice } from '../kill/dice.ts'
import { Inode } from './inode.ts'

const PAGE = 4096

type Code = 'ENOENT' | 'EEXIST' | 'EBADF' | 'ENOSPC' | 'EIO' | 'ENOTDIR' | 'ENOTEMPTY'

export function failure(code: Code, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code })
}

export type Entry = Inode | Directory

interface NameChange {
  /** The same for both sides of a rename. */
  readonly id: number
  readonly name: string
  /** Undefined: the name goes. */
  readonly entry: Entry | undefined
}

export class Directory {
  readonly kind = 'directory'
  readonly id: number
  names = new Map<string, Entry>()
  platter = new Map<string, Entry>()
  pending: NameChange[] = []

  constructor(id: number) {
    this.id = id
  }
}

export class SimDisk {
  root = new Directory(0)
  /** Bytes there are; undefined: without end. */
  capacity: number | undefined
  #ids = 0

  // ---- names

  find(path: string): Entry | undefined {
    let at: Entry = this.root
    for (const name of partsOf(path)) {
      if (at.kind !== 'directory') return undefined
      const next = at.names.get(name)
      if (next === undefined) return undefined
      at = next
    }
    return at
  }

  file(path: string): Inode {
    const found = this.find(path)
    if (found?.kind !== 'file') throw failure('ENOENT', path)
    return found
  }

  directory(path: string): Directory {
    const found = this.find(path)
    if (found === undefined) throw failure('ENOENT', path)
    if (found.kind !== 'directory') throw failure('ENOTDIR', path)
    return found
  }

  create(path: string, now: number): Inode {
    const parent = this.directory(dirname(path))
    if (parent.names.has(nameOf(path))) throw failure('EEXIST', path)
    if (this.freeBytes < PAGE) throw failure('ENOSPC', path)
    const file = new Inode(++this.#ids, now)
    this.#change(parent, nameOf(path), file, ++this.#ids)
    return file
  }

  /** A second name for a file. */
  link(from: string, to: string): void {
    const parent = this.directory(dirname(to))
    if (parent.names.has(nameOf(to))) throw failure('EEXIST', to)
    this.#change(parent, nameOf(to), this.file(from), ++this.#ids)
  }

  unlink(path: string): void {
    const parent = this.directory(dirname(path))
    const found = parent.names.get(nameOf(path))
    if (found === undefined) throw failure('ENOENT', path)
    if (found.kind === 'directory' && found.names.size > 0) throw failure('ENOTEMPTY', path)
    this.#change(parent, nameOf(path), undefined, ++this.#ids)
  }

  rename(from: string, to: string): void {
    const [source, target] = [this.directory(dirname(from)), this.directory(dirname(to))]
    const entry = source.names.get(nameOf(from))
    if (entry === undefined) throw failure('ENOENT', from)
    const there = target.names.get(nameOf(to))
    if (there?.kind === 'directory' && there.names.size > 0) throw failure('ENOTEMPTY', to)
    const id = ++this.#ids
    this.#change(source, nameOf(from), undefined, id)
    this.#change(target, nameOf(to), entry, id)
  }

  /** False when it was there. */
  makeDirectory(path: string): boolean {
    const found = this.find(path)
    if (found?.kind === 'directory') return false
    if (found !== undefined) throw failure('EEXIST', path)
    const parent = this.directory(dirname(path))
    this.#change(parent, nameOf(path), new Directory(++this.#ids), ++this.#ids)
    return true
  }

  syncDirectory(path: string): void {
    const directory = this.directory(path)
    directory.platter = new Map(directory.names)
    directory.pending = []
  }

  #change(at: Directory, name: string, entry: Entry | undefined, id: number): void {
    apply(at.names, { id, name, entry })
    at.pending.push({ id, name, entry })
  }

  // ---- room

  get freeBytes(): number {
    if (this.capacity === undefined) return Number.MAX_SAFE_INTEGER
    return Math.max(0, this.capacity - this.usedBytes)
  }

  /** Pages in use; a file with two names counts once. */
  get usedBytes(): number {
    const used = new Map(this.files().map(({ file }) => [file.id, file.usedBytes]))
    return [...used.values()].reduce((sum, bytes) => sum + bytes, 0)
  }

  get freePages(): number {
    return Math.floor(this.freeBytes / PAGE)
  }

  /** All files by path, in order of path. */
  files(under = ''): { readonly path: string; readonly file: Inode }[] {
    const found: { path: string; file: Inode }[] = []
    const walk = (path: string, entry: Entry): void => {
      if (entry.kind === 'file') found.push({ path, file: entry })
      else for (const [name, inner] of entry.names) walk(`${path}/${name}`, inner)
    }
    const start = under === '' ? this.root : this.find(under)
    if (start !== undefined) walk(under, start)
    return found.sort((a, b) => (a.path < b.path ? -1 : 1))
  }

  // ---- ends of lives

  /** The power goes: what was not synced survives by chance. */
  crash(dice: Dice): void {
    const fates = new Map<number, boolean>()
    const crashed = new Set<number>()
    const walk = (entry: Entry): void => {
      if (crashed.has(entry.id)) return
      crashed.add(entry.id)
      if (entry.kind === 'file') {
        if (!entry.isClean) entry.crash(dice)
        return
      }
      crashNames(entry, dice, fates)
      for (const inner of entry.names.values()) walk(inner)
    }
    walk(this.root)
  }

  clone(): SimDisk {
    const copy = new SimDisk()
    const copies = new Map<Entry, Entry>()
    const names = (of: Map<string, Entry>): Map<string, Entry> =>
      new Map([...of].map(([name, entry]) => [name, cloned(entry)]))
    const cloned = (entry: Entry): Entry => {
      const known = copies.get(entry)
      if (known !== undefined) return known
      if (entry.kind === 'file') {
        const file = entry.clone()
        copies.set(entry, file)
        return file
      }
      const directory = new Directory(entry.id)
      copies.set(entry, directory)
      directory.names = names(entry.names)
      directory.platter = names(entry.platter)
      directory.pending = entry.pending.map(({ id, name, entry: of }) => ({
        id,
        name,
        entry: of && cloned(of),
      }))
      return directory
    }
    const root = cloned(this.root)
    if (root.kind === 'directory') copy.root = root
    copy.capacity = this.capacity
    copy.#ids = this.#ids
    return copy
  }
}

const partsOf = (path: string): string[] => normalize(path).split('/').filter(Boolean)
const nameOf = (path: string): string => partsOf(path).at(-1) ?? ''

function apply(names: Map<string, Entry>, { name, entry }: NameChange): void {
  names.delete(name)
  if (entry !== undefined) names.set(name, entry)
}

function crashNames(at: Directory, dice: Dice, fates: Map<number, boolean>): void {
  if (at.pending.length === 0) return
  const names = new Map(at.platter)
  const ordered = dice.next() < 0.5
  const until = dice.below(at.pending.length + 1)
  const ids = [...new Set(at.pending.map(({ id }) => id))]
  const share = dice.next()
  for (const change of at.pending) {
    const byOrder = ids.indexOf(change.id) < until
    const survives = fates.get(change.id) ?? (ordered ? byOrder : dice.next() < share)
    fates.set(change.id, survives)
    if (survives) apply(names, change)
  }
  at.names = names
  at.platter = new Map(names)
  at.pending = []
}
