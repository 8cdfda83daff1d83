/** A data directory that cannot be written is looked at through copies of its stores. */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { inspect } from '../../src/daemon/inspect.ts'
import { verify } from '../../src/daemon/verify.ts'
import { defineApp } from '../../src/dstream/app.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import type { Announcements, FileSystem, Host } from '../../src/host/host.ts'
import { EmbeddedContext } from '../../src/engine/streaming-context.ts'
import { contentOf, withDirectory } from '../engine/directory-fixture.ts'
import { fakeShell } from './fake-shell.ts'

const app = defineApp({ name: 'counting', batchInterval: seconds(1) }, (ssc) => {
  ssc
    .sequenceStream({ uid: 'words', batches: [['a'], ['b'], ['a']] })
    .map((word) => [word, 1])
    .updateStateByKey({ uid: 'totals' }, (ones: readonly number[]) => ones.length)
    .toRows('totals')
})

/** A directory as a stopped server leaves it. */
async function withData<T>(work: (directory: string) => Promise<T>): Promise<T> {
  return await withDirectory(async (parent) => {
    const directory = `${parent}/data`
    const machine = { host: nodeHost, print: () => undefined }
    const context = new EmbeddedContext(machine, app, directory, {})
    await context.start()
    await context.stop()
    return await work(directory)
  })
}

/** The real machine, where nothing below `directory` can be written. */
function readOnly(directory: string, announcements: Announcements): Host {
  const { fs, stores } = nodeHost
  const refuse = (path: string): void => {
    if (path !== directory && !path.startsWith(`${directory}/`)) return
    throw Object.assign(new Error(`EROFS: read-only file system, '${path}'`), { code: 'EROFS' })
  }
  const look = (path: string): void => {
    if (path.endsWith('/LOCK')) throw new Error('a LOCK file was opened')
  }
  const guarded: Partial<FileSystem> = {
    openRead: async (path) => {
      look(path)
      return await fs.openRead(path)
    },
    readFile: async (path) => {
      look(path)
      return await fs.readFile(path)
    },
    create: async (path) => {
      refuse(path)
      return await fs.create(path)
    },
    openWrite: async (path) => {
      refuse(path)
      return await fs.openWrite(path)
    },
    remove: async (path) => {
      refuse(path)
      await fs.remove(path)
    },
    writeFileDurably: async (path, bytes) => {
      refuse(path)
      await fs.writeFileDurably(path, bytes)
    },
    rename: async (from, to) => {
      refuse(from)
      await fs.rename(from, to)
    },
  }
  return {
    ...nodeHost,
    announcements,
    fs: { ...fs, ...guarded },
    stores: {
      ...stores,
      open: async (path, options) => {
        refuse(path)
        return await stores.open(path, options)
      },
    },
  }
}

const quiet: Announcements = {
  announce: () => Promise.reject(new Error('nothing is announced')),
  isFresh: () => Promise.resolve(false),
}

describe('a directory that cannot be written', () => {
  it('is verified and inspected; nothing in it changes, and no copy stays', async () => {
    await withData(async (directory) => {
      const before = await contentOf(directory)
      const asides: string[] = []
      const host = readOnly(directory, quiet)
      const { processes } = host
      const watched: Host = {
        ...host,
        processes: {
          pid: processes.pid,
          spawn: (options) => processes.spawn(options),
          privateDirectory: async () => {
            const aside = await processes.privateDirectory()
            asides.push(aside)
            return aside
          },
        },
      }
      const shell = fakeShell()
      expect(await verify(shell, watched, { directory, json: false })).toBe(0)
      expect(await inspect(shell, watched, { directory, json: false })).toBe(0)
      expect(shell.out.text).toContain('verified: every byte is as it was written')
      expect(shell.out.text).toContain('totals: ')
      expect(await contentOf(directory)).toEqual(before)
      expect(asides).toHaveLength(2)
      for (const aside of asides) expect(await nodeHost.fs.stat(aside)).toBeUndefined()
    })
  })

  it('is left alone while a server with more rights says that it uses it', async () => {
    await withData(async (directory) => {
      const host = readOnly(directory, { ...quiet, isFresh: () => Promise.resolve(true) })
      const attempt = verify(fakeShell(), host, { directory, json: false })
      await expect(attempt).rejects.toMatchObject({ code: 'MR_DIRECTORY_OWNED' })
    })
  })
})
