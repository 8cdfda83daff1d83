/**
 * Log and checkpoint of one directory, put together wrongly: refused, with every file as it was.
 * And what a clean stop proves.
 */
import { cp, readdir, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { openStorage, proveEnd } from '../../src/engine/open-storage.ts'
import { codeOf } from '../host/stores-contract.ts'
import { contentOf, withDirectory } from './directory-fixture.ts'

const host = { fs: nodeFileSystem, stores: nodeStores, clock: new ManualClock() }
const ID = new Uint8Array(16).fill(3)

async function openAt(directory: string, create = false, identity = ID) {
  const { checkpoint, report, log } = await openStorage(host, {
    checkpoint: { directory, identity, create },
    log: { directory: join(directory, 'log'), identity, segmentBytes: 16_384 },
  })
  const { store: blocks, report: logReport } = await log
  const close = async (): Promise<void> => {
    await blocks.close()
    await checkpoint.close()
  }
  return { checkpoint, report, blocks, logReport, close }
}

type Opened = Awaited<ReturnType<typeof openAt>>

const block = (text: string) => ({
  streamId: 0,
  format: 'text' as const,
  records: 1,
  parts: [new TextEncoder().encode(text)],
})

/** Batches with a block, a commit and a receipt each. */
async function batches({ checkpoint, blocks }: Opened, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const number = checkpoint.root.number + 1
    await blocks.addBlock(block(`block ${String(number)}`))
    await blocks.allocate(number * 1000)
    const { epoch, durable: logPosition } = blocks.log
    const value = new TextEncoder().encode(String(number))
    const commit = { time: number * 1000, epoch, logPosition, puts: [{ key: 'n', value }] }
    const root = await checkpoint.commit({ ...commit, deletes: [] })
    await blocks.cleanup(number * 1000, root.number, root.digest)
  }
}

/** `now` at commit 5, `backup` of it at commit 2. */
async function withBackup(work: (now: string, backup: string) => Promise<void>): Promise<void> {
  await withDirectory(async (base) => {
    const now = join(base, 'now')
    const backup = join(base, 'backup')
    const first = await openAt(now, true)
    await batches(first, 2)
    await first.close()
    await cp(now, backup, { recursive: true })
    const second = await openAt(now)
    await batches(second, 3)
    await second.close()
    await work(now, backup)
  })
}

async function swap(from: string, to: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await rm(join(to, name), { recursive: true })
    await cp(join(from, name), join(to, name), { recursive: true })
  }
}

/** LOCK is LevelDB's own and always empty. */
async function bytesOf(directory: string): Promise<string> {
  const content = Object.entries(await contentOf(directory))
  return JSON.stringify(content.filter(([name]) => !name.endsWith('LOCK')).sort())
}

async function refused(directory: string, code: string): Promise<void> {
  const before = await bytesOf(directory)
  for (let i = 0; i < 2; i++) {
    expect(await codeOf(openAt(directory))).toBe(code)
    expect(await bytesOf(directory)).toBe(before)
  }
}

const STORES = ['checkpoint-a', 'checkpoint-b']

describe('log and checkpoint are refused, untouched,', () => {
  it('when both stores are of a backup that the log has gone beyond', async () => {
    await withBackup(async (now, backup) => {
      await swap(backup, now, STORES)
      await refused(now, 'MR_CHECKPOINT_DAMAGED')
    })
  })

  it('when the log is of a backup and the checkpoint has gone beyond', async () => {
    await withBackup(async (now, backup) => {
      await swap(backup, now, ['log'])
      await refused(now, 'MR_LOG_DAMAGED')
    })
  })

  it('when there is no log any more, even before the first commit', async () => {
    await withDirectory(async (base) => {
      const now = join(base, 'now')
      const { blocks, close } = await openAt(now, true)
      await blocks.addBlock(block('acknowledged'))
      await close()
      await rm(join(now, 'log'), { recursive: true })
      await refused(now, 'MR_LOG_DAMAGED')
    })
  })

  it('when the log is of another directory', async () => {
    await withBackup(async (now) => {
      const other = `${now}-other`
      const theirs = await openAt(other, true, new Uint8Array(16).fill(9))
      await batches(theirs, 8)
      await theirs.close()
      await swap(other, now, ['log'])
      await refused(now, 'MR_DIRECTORY_FOREIGN')
    })
  })

  it('when both stores and log tell another story of the same commits', async () => {
    await withBackup(async (now, backup) => {
      const other = await openAt(backup)
      await batches(other, 1)
      await other.blocks.addBlock(block('another'))
      await batches(other, 2)
      await other.close()
      await swap(backup, now, STORES)
      await refused(now, 'MR_CHECKPOINT_DAMAGED')
    })
  })

  it('when the log is damaged, whatever the stores would need', async () => {
    await withBackup(async (now) => {
      await rm(join(now, 'checkpoint-b'), { recursive: true })
      const [segment] = (await readdir(join(now, 'log'))).filter((name) => name.endsWith('.wal'))
      await truncate(join(now, 'log', segment ?? ''), 4200)
      await refused(now, 'MR_LOG_DAMAGED')
    })
  })
})

describe('one store of a backup', () => {
  it('is mended from the other, with a report', async () => {
    await withBackup(async (now, backup) => {
      await swap(backup, now, ['checkpoint-a'])
      const opened = await openAt(now)
      expect(opened.checkpoint.root.number).toBe(5)
      expect(opened.report.stores[0]).toMatchObject({ state: 'damaged' })
      expect(opened.report.stores[0].why[0]).toMatch(/commit 2, 3 behind/)
      await opened.close()
    })
  })
})

describe('a clean stop', () => {
  it('proves the end of the log in both roots: what goes missing then is damage', async () => {
    await withBackup(async (now) => {
      const opened = await openAt(now)
      await opened.blocks.addBlock(block('acknowledged after the last commit'))
      const offset = opened.blocks.tracker.oldest(Infinity)[0]?.ref.offset ?? 0
      const warnings: string[] = []
      await proveEnd(opened, (text) => warnings.push(text))
      expect(warnings).toEqual([])
      await opened.close()
      const whole = await openAt(now)
      expect(whole.logReport.tornBytes).toBe(0)
      expect(whole.blocks.tracker.oldest(Infinity)).toHaveLength(1)
      await proveEnd(whole, (text) => warnings.push(text))
      await whole.close()
      await rm(join(now, 'checkpoint-a'), { recursive: true })
      const names = (await readdir(join(now, 'log'))).filter((name) => name.endsWith('.wal'))
      await truncate(join(now, 'log', names.at(-1) ?? ''), 4096)
      expect(offset).toBeGreaterThan(4096)
      await refused(now, 'MR_LOG_DAMAGED')
    })
  })
})
