/**
 * Places for files: the real disk under a directory for temporary files, and memory; and a file
 * system around either that keeps a record of what was done to it and dies at a chosen effect.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import type { FileSystem, WritableFile } from '../../src/host/host.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'

export interface Disk {
  readonly fs: FileSystem
  readonly directory: string
  close(): Promise<void>
}

export async function realDisk(): Promise<Disk> {
  const directory = await mkdtemp(join(tmpdir(), 'millrace-sink-'))
  const close = async (): Promise<void> => {
    await rm(directory, { recursive: true, force: true })
  }
  return { fs: nodeFileSystem, directory, close }
}

export async function memoryDisk(): Promise<Disk> {
  const fs = new MemoryFileSystem()
  await fs.makeDirectory('/work')
  return { fs, directory: '/work', close: () => Promise.resolve() }
}

/** Where outputs of an engine go that works in `directory`. */
export const placeOf = ({ directory }: Pick<Disk, 'directory'>) => ({
  workingDirectory: directory,
  owner: '0a',
})

export const DISKS = [
  ['the real disk', realDisk],
  ['memory', memoryDisk],
] as const

export class Crash extends Error {
  override readonly name = 'Crash'
}

export interface Fate {
  /** The effect (from 0) at which everything ends; none by default. */
  readonly at?: number
  /** Whether that effect still happens. */
  readonly after?: boolean
}

/**
 * What was done, in order: `create work/a`, `write 6 work/a`, … with paths relative to `directory`.
 */
export interface Watched {
  readonly fs: FileSystem
  readonly effects: readonly string[]
}

type Effect = <T>(what: string, path: string, work: () => Promise<T>) => Promise<T>

export function watched({ fs, directory }: Disk, fate: Fate = {}): Watched {
  const effects: string[] = []
  let dead = false
  const effect: Effect = async (what, path, work) => {
    if (dead) throw new Crash(what)
    dead = effects.length === fate.at
    effects.push(`${what} ${relative(directory, path) || '.'}`)
    if (!dead) return await work()
    if (fate.after === true) await work()
    throw new Crash(what)
  }
  const create = async (path: string): Promise<WritableFile> => {
    const created = await fs.create(path)
    if (dead) await created.close()
    return watchedFile(created, path, effect)
  }
  return {
    effects,
    fs: {
      ...reading(fs),
      create: (path) => effect('create', path, () => create(path)),
      rename: (from, to) =>
        effect(`rename ${relative(directory, from)} to`, to, () => fs.rename(from, to)),
      unlink: (path) => effect('unlink', path, () => fs.unlink(path)),
      remove: (path) => effect('remove', path, () => fs.remove(path)),
      makeDirectory: (path) => effect('make', path, () => fs.makeDirectory(path)),
      syncDirectory: (path) => effect('sync', path, () => fs.syncDirectory(path)),
    },
  }
}

type Reading = Omit<
  FileSystem,
  'create' | 'rename' | 'unlink' | 'remove' | 'makeDirectory' | 'syncDirectory'
>

/** What is not watched. */
function reading(fs: FileSystem): Reading {
  return {
    openRead: (path) => fs.openRead(path),
    openReadSync: (path) => fs.openReadSync(path),
    openWrite: (path) => fs.openWrite(path),
    readFile: (path) => fs.readFile(path),
    writeFileDurably: (path, bytes) => fs.writeFileDurably(path, bytes),
    list: (path) => fs.list(path),
    stat: (path) => fs.stat(path),
    freeBytes: (path) => fs.freeBytes(path),
    openAppender: () => fs.openAppender(),
  }
}

function watchedFile(inner: WritableFile, path: string, effect: Effect): WritableFile {
  return {
    write: (position, bytes) =>
      effect(`write ${String(bytes.length)}`, path, () => inner.write(position, bytes)),
    sync: () => effect('sync', path, () => inner.sync()),
    truncate: (length) => inner.truncate(length),
    close: () => inner.close(),
  }
}

/** Every file below a directory, with its text; directories that hold none end with `/`. */
export async function treeOf({ fs, directory }: Disk, at = ''): Promise<Record<string, string>> {
  const tree: Record<string, string> = {}
  for (const name of (await fs.list(join(directory, at))) ?? []) {
    const path = join(at, name)
    const stat = await fs.stat(join(directory, path))
    if (stat?.kind === 'directory') {
      const below = await treeOf({ fs, directory, close: () => Promise.resolve() }, path)
      Object.assign(tree, Object.keys(below).length === 0 ? { [`${path}/`]: '' } : below)
    } else {
      tree[path] = Buffer.from(await fs.readFile(join(directory, path))).toString()
    }
  }
  return tree
}
