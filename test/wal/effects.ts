/**
 * A file system that tells each effect before it happens and after: to fail it, or to look at the
 * disk in between.
 */
import type { Appender, FileSystem, WritableFile } from '../../src/host/host.ts'

export type Effect =
  | 'create'
  | 'write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'unlink'
  | 'syncDirectory'
  | 'append'
  | 'appendSync'

export interface Watch {
  /** May throw: then the effect does not happen. */
  before?(effect: Effect, path: string): void
  after?(effect: Effect, path: string): Promise<void> | void
}

export function watched(fs: FileSystem, watch: Watch): FileSystem {
  const run = async <T>(effect: Effect, path: string, f: () => Promise<T>): Promise<T> => {
    watch.before?.(effect, path)
    const result = await f()
    await watch.after?.(effect, path)
    return result
  }
  const file = (of: WritableFile, path: string): WritableFile => ({
    write: (position, bytes) => run('write', path, () => of.write(position, bytes)),
    sync: () => run('sync', path, () => of.sync()),
    truncate: (length) => run('truncate', path, () => of.truncate(length)),
    close: () => of.close(),
  })
  const appender = (of: Appender): Appender => ({
    open: (path) => of.open(path),
    append: (at, position, bytes, sync) =>
      run(sync ? 'appendSync' : 'append', '', () => of.append(at, position, bytes, sync)),
    sync: (at) => run('sync', '', () => of.sync(at)),
    closeFile: (at) => of.closeFile(at),
    close: () => of.close(),
  })
  return {
    openRead: (path) => fs.openRead(path),
    openReadSync: (path) => fs.openReadSync(path),
    create: (path) => run('create', path, async () => file(await fs.create(path), path)),
    openWrite: async (path) => file(await fs.openWrite(path), path),
    readFile: (path) => fs.readFile(path),
    writeFileDurably: (path, bytes) => run('write', path, () => fs.writeFileDurably(path, bytes)),
    rename: (from, to) => run('rename', to, () => fs.rename(from, to)),
    unlink: (path) => run('unlink', path, () => fs.unlink(path)),
    remove: (path) => run('unlink', path, () => fs.remove(path)),
    makeDirectory: (path) => fs.makeDirectory(path),
    syncDirectory: (path) => run('syncDirectory', path, () => fs.syncDirectory(path)),
    list: (path) => fs.list(path),
    stat: (path) => fs.stat(path),
    freeBytes: (path) => fs.freeBytes(path),
    openAppender: async () => appender(await fs.openAppender()),
  }
}
