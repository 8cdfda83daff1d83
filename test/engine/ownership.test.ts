/** Ownership with real LevelDB locks and real processes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Stores } from '../../src/host/host.ts'
import { nodeAnnouncements } from '../../src/host/node-announcements.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeProcesses } from '../../src/host/node-processes.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { announcedOwner, ownDirectory } from '../../src/engine/ownership.ts'
import { contentOf, withDirectory } from './directory-fixture.ts'

const host = {
  fs: nodeFileSystem,
  stores: nodeStores,
  processes: nodeProcesses,
  clock: nodeClock,
  announcements: nodeAnnouncements,
}

const compiled = (path: string): string => new URL(`../../dist/src/${path}`, import.meta.url).href
const OWNER_SCRIPT = `
  const { nodeHost } = await import(${JSON.stringify(compiled('host/node-host.js'))})
  const { ownDirectory } = await import(${JSON.stringify(compiled('engine/ownership.js'))})
  await ownDirectory(nodeHost, process.argv[1])
  console.log('owned')
  setInterval(() => undefined, 1000)
`

/** Another process that owns the directory until it is killed. */
async function otherOwner(directory: string) {
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', OWNER_SCRIPT, directory],
    { stdio: ['ignore', 'pipe', 'inherit'], cwd: fileURLToPath(new URL('../..', import.meta.url)) },
  )
  const exited = once(child, 'exit')
  const lines: unknown = await once(createInterface({ input: child.stdout }), 'line')
  expect(lines).toEqual(['owned'])
  return {
    pid: child.pid,
    kill: async (): Promise<void> => {
      child.kill('SIGKILL')
      await exited
    },
    stop: () => child.kill('SIGSTOP'),
  }
}

describe('ownership of a directory', () => {
  it('is refused beside a live owner, naming its process', async () => {
    await withDirectory(async (directory) => {
      const other = await otherOwner(directory)
      try {
        const error: unknown = await ownDirectory(host, directory).catch((e: unknown) => e)
        expect(error).toMatchObject({ code: 'MR_DIRECTORY_OWNED', details: { pid: other.pid } })
        expect(String(error)).toContain(`process ${String(other.pid)}`)
      } finally {
        await other.kill()
      }
    })
  })

  it('is refused beside an owner that was stopped, whatever its announcement says', async () => {
    await withDirectory(async (directory) => {
      const other = await otherOwner(directory)
      try {
        other.stop()
        const long = new Date(Date.now() - 3_600_000)
        await utimes(join(directory, 'owner.announce.lock'), long, long)
        expect(await nodeAnnouncements.isFresh(join(directory, 'owner.announce'))).toBe(false)
        const attempt = ownDirectory(host, directory)
        await expect(attempt).rejects.toMatchObject({ code: 'MR_DIRECTORY_OWNED' })
      } finally {
        await other.kill()
      }
    })
  })

  it('is free after a SIGKILL, though the dead owner still announces itself', async () => {
    await withDirectory(async (directory) => {
      const other = await otherOwner(directory)
      await other.kill()
      const now = new Date()
      await utimes(join(directory, 'owner.announce.lock'), now, now)
      expect(await nodeAnnouncements.isFresh(join(directory, 'owner.announce'))).toBe(true)
      const ownership = await ownDirectory(host, directory)
      expect(await announcedOwner(host, directory)).toMatchObject({ pid: process.pid })
      await ownership.release()
    })
  })

  it('is given back whole: nothing is announced, the next owner comes in', async () => {
    await withDirectory(async (directory) => {
      const first = await ownDirectory(host, directory)
      const again = ownDirectory(host, directory)
      await expect(again).rejects.toMatchObject({ code: 'MR_DIRECTORY_OWNED' })
      await first.release()
      expect(await readdir(directory)).toEqual(['owner'])
      const second = await ownDirectory(host, directory)
      await second.release()
    })
  })

  it('is not hindered by a damaged owner store, which holds nothing', async () => {
    await withDirectory(async (directory) => {
      await (await ownDirectory(host, directory)).release()
      const owner = join(directory, 'owner')
      const names = await readdir(owner)
      for (const name of names) {
        if (name.startsWith('MANIFEST')) await writeFile(join(owner, name), 'rubbish')
      }
      await (await ownDirectory(host, directory)).release()
      await rm(join(owner, 'CURRENT'))
      await writeFile(join(owner, '000009.ldb'), 'rubbish')
      await (await ownDirectory(host, directory)).release()
    })
  })

  it('is not hindered by an announcement that cannot be read', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'owner.announce'), '{ "pid":')
      await mkdir(join(directory, 'owner.announce.lock'))
      const ownership = await ownDirectory(host, directory)
      expect(JSON.parse(await readFile(join(directory, 'owner.announce'), 'utf8'))).toMatchObject({
        pid: process.pid,
      })
      await ownership.release()
    })
  })

  it('is not taken of a directory that is not ours, and not a byte is written', async () => {
    for (const [name, text, code] of [
      ['notes.txt', 'mine', 'MR_DIRECTORY_FOREIGN'],
      ['millrace.json', '{"product":"millrace","format":9}', 'MR_DIRECTORY_NEWER'],
      ['millrace.json', '', 'MR_DIRECTORY_DAMAGED'],
    ] as const) {
      await withDirectory(async (directory) => {
        await writeFile(join(directory, name), text)
        const before = await contentOf(directory)
        await expect(ownDirectory(host, directory)).rejects.toMatchObject({ code })
        expect(await contentOf(directory)).toEqual(before)
      })
    }
  })

  it('of a directory that cannot be written is MR_DIRECTORY_READ_ONLY', async () => {
    await withDirectory(async (directory) => {
      const refused: Stores = {
        ...nodeStores,
        open: () => Promise.reject(new Error('IO error: owner/LOCK: Permission denied')),
      }
      const attempt = ownDirectory({ ...host, stores: refused }, directory)
      await expect(attempt).rejects.toMatchObject({ code: 'MR_DIRECTORY_READ_ONLY' })
    })
  })
})
