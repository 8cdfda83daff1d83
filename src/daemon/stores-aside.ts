/**
 * A data directory that cannot be written (a backup on read-only media), looked at all the same.
 * LevelDB cannot read without writing, so the stores are copied aside and every path into them
 * leads to the copies; the log is read where it lies. A LOCK file is neither read nor opened: that
 * would drop the lock of an owner in this process.
 *
 * A crash leaves the copies in the system's directory for temporary files.
 */
import { join } from 'node:path'
import type { FileSystem, Host } from '../host/host.ts'

const STORES = 'checkpoint-'
const PIECE_BYTES = 1024 * 1024

/** Hands over a host on which the stores of `directory` can be opened; its copies go afterwards. */
export async function withStoresAside<T>(
  host: Host,
  directory: string,
  work: (host: Host) => Promise<T>,
): Promise<T> {
  const aside = await host.processes.privateDirectory()
  try {
    for (const name of (await host.fs.list(directory)) ?? []) {
      if (!name.startsWith(STORES)) continue
      await copyTree(host.fs, join(directory, name), join(aside, name))
    }
    const prefix = `${directory}/${STORES}`
    const to = (path: string): string =>
      path.startsWith(prefix) ? `${aside}/${STORES}${path.slice(prefix.length)}` : path
    return await work({
      ...host,
      fs: redirected(host.fs, to),
      stores: {
        open: (path, { keep, create }) =>
          host.stores.open(to(path), { create, ...(keep === undefined ? {} : { keep: to(keep) }) }),
        repair: (path) => host.stores.repair(to(path)),
      },
    })
  } finally {
    await host.fs.remove(aside)
  }
}

async function copyTree(fs: FileSystem, from: string, to: string): Promise<void> {
  const stat = await fs.stat(from)
  if (stat?.kind === 'file') await copyFile(fs, from, to)
  if (stat?.kind !== 'directory') return
  await fs.makeDirectory(to)
  for (const name of (await fs.list(from)) ?? []) {
    if (name !== 'LOCK') await copyTree(fs, join(from, name), join(to, name))
  }
}

async function copyFile(fs: FileSystem, from: string, to: string): Promise<void> {
  const source = await fs.openRead(from)
  try {
    const target = await fs.create(to)
    try {
      for (let at = 0; ;) {
        const bytes = await source.read(at, PIECE_BYTES)
        if (bytes.length === 0) return
        await target.write(at, bytes)
        at += bytes.length
      }
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

function redirected(fs: FileSystem, to: (path: string) => string): FileSystem {
  return {
    openRead: (path) => fs.openRead(to(path)),
    openReadSync: (path) => fs.openReadSync(to(path)),
    create: (path) => fs.create(to(path)),
    openWrite: (path) => fs.openWrite(to(path)),
    readFile: (path) => fs.readFile(to(path)),
    writeFileDurably: (path, bytes) => fs.writeFileDurably(to(path), bytes),
    rename: (a, b) => fs.rename(to(a), to(b)),
    unlink: (path) => fs.unlink(to(path)),
    remove: (path) => fs.remove(to(path)),
    makeDirectory: (path) => fs.makeDirectory(to(path)),
    // The parent of the stores holds nothing that was changed.
    syncDirectory: async (path) => {
      if (to(path) !== path) await fs.syncDirectory(to(path))
    },
    list: (path) => fs.list(to(path)),
    stat: (path) => fs.stat(to(path)),
    freeBytes: (path) => fs.freeBytes(to(path)),
    openAppender: () => fs.openAppender(),
  }
}
