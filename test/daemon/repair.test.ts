/** Damage of each kind, and what `millrace repair` makes of it. */
import { copyFile, open as openFile, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { repair } from '../../src/daemon/repair.ts'
import { verify } from '../../src/daemon/verify.ts'
import { isMillraceError } from '../../src/base/errors.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { contentOf, withDirectory } from '../engine/directory-fixture.ts'
import { found, open } from './directory-world.ts'
import { fakeShell } from './fake-shell.ts'

interface Ran {
  readonly code: number | string
  readonly text: string
}

async function run(
  directory: string,
  flags: { dryRun?: boolean; acceptLoss?: boolean; json?: boolean } = {},
): Promise<Ran> {
  const shell = fakeShell()
  try {
    const options = { dryRun: false, acceptLoss: false, json: false, ...flags }
    return { code: await repair(shell, nodeHost, { directory, ...options }), text: shell.out.text }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { code: error.code, text: shell.out.text }
  }
}

async function withoutLock(directory: string): Promise<Record<string, string>> {
  const content = await contentOf(directory)
  return Object.fromEntries(Object.entries(content).filter(([name]) => name !== 'LOCK'))
}

async function clean(directory: string): Promise<void> {
  const again = await run(directory)
  expect(again.text).toContain('nothing to repair')
  expect(again.code).toBe(0)
  expect(await verify(fakeShell(), nodeHost, { directory, json: false })).toBe(0)
}

async function change(path: string, offset: number): Promise<void> {
  const file = await openFile(path, 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, offset)
  await file.write(Buffer.from([(byte[0] ?? 0) ^ 0x10]), 0, 1, offset)
  await file.close()
}

const line = (name: string, length = 40): string => `${name.padEnd(12)}${'.'.repeat(length)}\n`

/** Two committed batches, one committed without receipt, one allocated, two blocks waiting. */
async function make(directory: string): Promise<void> {
  const life = await open(directory)
  for (const [n, time] of [1000, 2000].entries()) {
    await life.add(line(`done ${String(n)}`), n)
    await life.batch(time)
  }
  await life.add(line('third'), 2)
  await life.batch(3000)
  await life.add(line('fourth a'), 3)
  await life.add(line('fourth b'), 4)
  await life.batch(4000, 'allocated')
  await life.add(line('wait a'), 5)
  await life.add(line('wait b'), 6)
  await life.close()
}

const segment = async (directory: string): Promise<string> => {
  const names = (await readdir(join(directory, 'log'))).filter((name) => name.endsWith('.wal'))
  return join(directory, 'log', names.at(-1) ?? '')
}
const offsetIn = async (directory: string, text: string): Promise<number> =>
  (await readFile(await segment(directory))).indexOf(text)

const WHOLE = {
  waiting: ['wait a      ', 'wait b      '],
  batches: { 4000: ['fourth a    ', 'fourth b    '] },
  highWater: 6,
  root: 3,
  states: ['state/1000', 'state/2000', 'state/3000'],
}

describe('repair', () => {
  it('has nothing to do with a whole directory, and changes nothing of its log', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      const before = await contentOf(join(data, 'log'))
      await clean(data)
      expect(await contentOf(join(data, 'log'))).toEqual(before)
      expect((await readdir(data)).filter((name) => name.startsWith('repair'))).toEqual([])
      expect(await found(data)).toEqual(WHOLE)
    })
  })

  it.each(['checkpoint-a', 'checkpoint-b'])('makes a damaged %s from the other', async (name) => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      await writeFile(join(data, name, 'CURRENT'), 'nothing')
      const before = await withoutLock(join(data, name))
      const dry = await run(data, { dryRun: true })
      expect(dry).toMatchObject({ code: 0 })
      expect(dry.text).toContain(`would: bring ${name} to commit 3`)
      expect(await withoutLock(join(data, name))).toEqual(before)
      const done = await run(data, { json: true })
      expect(done.code).toBe(0)
      const aside: unknown = Reflect.get(Object(JSON.parse(done.text)), 'aside')
      const kept = await contentOf(join(String(aside), 'original', name))
      expect(kept['CURRENT']).toBe(before['CURRENT'])
      await clean(data)
      expect(await found(data)).toEqual(WHOLE)
    })
  })

  it('writes a damaged segment header again, without loss', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      await change(await segment(data), 20)
      const done = await run(data)
      expect(done.text).toContain('done: write the header of')
      expect(done.code).toBe(0)
      await clean(data)
      expect(await found(data)).toEqual(WHOLE)
    })
  })

  it('cuts out a damaged waiting block only when that is accepted, and says which', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      await change(await segment(data), (await offsetIn(data, 'wait a')) + 3)
      const before = await contentOf(join(data, 'log'))
      const refused = await run(data)
      expect(refused.code).toBe('MR_REPAIR_LOSES')
      expect(refused.text).toContain('WOULD LOSE')
      expect(refused.text).toContain("to hold 1 record of input 'lines'")
      expect(await contentOf(join(data, 'log'))).toEqual(before)
      const done = await run(data, { acceptLoss: true })
      expect(done.code).toBe(0)
      await clean(data)
      expect(await found(data)).toEqual({ ...WHOLE, waiting: ['wait b      '] })
    })
  })

  it('needs no leave for a damaged block that was counted', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      await change(await segment(data), (await offsetIn(data, 'done 1')) + 3)
      const done = await run(data)
      expect(done.text).toContain('nothing is lost')
      expect(done.text).not.toContain('LOST')
      expect(done.code).toBe(0)
      await clean(data)
      expect(await found(data)).toEqual(WHOLE)
    })
  })

  it('lets a batch that was not committed run without its lost block', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      await change(await segment(data), (await offsetIn(data, 'fourth a')) + 3)
      const done = await run(data, { acceptLoss: true })
      expect(done.text).toContain(
        'batch 1970-01-01T00:00:04.000Z, not committed yet, will run without 1 block',
      )
      await clean(data)
      expect(await found(data)).toEqual({ ...WHOLE, batches: { 4000: ['fourth b    '] } })
    })
  })

  it('exports blocks that may have been counted, and never counts them again', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      const life = await open(data)
      await life.add(line('first'), 0)
      await life.batch(1000)
      await life.add(line('second'), 1)
      await life.batch(2000, 'committed')
      await life.close()
      // The allocation of 2000 is the last group but the closing one.
      const path = await segment(data)
      const bytes = await readFile(path)
      const at = bytes.lastIndexOf('MRG1', bytes.lastIndexOf('MRG1') - 1)
      await change(path, at + 60)
      const done = await run(data, { acceptLoss: true, json: true })
      expect(done.code).toBe(0)
      const { exported } = JSON.parse(done.text) as { exported: string[] }
      expect(exported).toHaveLength(1)
      expect(await readFile(exported[0] ?? '', 'utf8')).toBe(line('second'))
      await clean(data)
      expect(await found(data)).toMatchObject({ waiting: [], batches: {}, highWater: 1, root: 2 })
    })
  })

  it('proves a commit from two damaged stores together', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      for (const name of ['checkpoint-a', 'checkpoint-b']) {
        await rm(join(data, name, 'CURRENT'))
      }
      const done = await run(data)
      expect(done.text).toContain('done: write both stores anew with commit 3')
      expect(done.code).toBe(0)
      await clean(data)
      expect(await found(data)).toEqual(WHOLE)
    })
  })

  it('says so when nothing can be proven, and changes nothing', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      for (const name of ['checkpoint-a', 'checkpoint-b']) {
        for (const file of await readdir(join(data, name))) {
          if (file !== 'LOCK') await rm(join(data, name, file))
        }
      }
      const before = await contentOf(data)
      expect(await run(data, { acceptLoss: true })).toMatchObject({ code: 'MR_REPAIR_IMPOSSIBLE' })
      expect(await contentOf(join(data, 'log'))).toEqual(
        Object.fromEntries(
          Object.entries(before)
            .filter(([path]) => path.startsWith('log/') && path !== 'log/')
            .map(([path, content]) => [path.slice(4), content]),
        ),
      )
    })
  })

  it('goes on where a repair was interrupted between its renames', async () => {
    await withDirectory(async (root) => {
      const data = join(root, 'data')
      await make(data)
      const path = await segment(data)
      await change(path, (await offsetIn(data, 'wait a')) + 3)
      const fs = nodeHost.fs
      for (let renames = 0; renames < 2; renames++) {
        const copy = join(root, `copy-${String(renames)}`)
        await fs.makeDirectory(copy)
        for (const name of Object.keys(await contentOf(data))) {
          if (name.endsWith('/')) await fs.makeDirectory(join(copy, name))
          else if (!name.endsWith('LOCK')) await copyFile(join(data, name), join(copy, name))
        }
        await interrupted(copy, renames)
        const again = await run(copy, { acceptLoss: true })
        expect(again.code).toBe(0)
        await clean(copy)
        expect(await found(copy)).toEqual({ ...WHOLE, waiting: ['wait b      '] })
      }
    })
  })
})

/** Repairs on a disk that fails once so many renames into or out of place were made. */
async function interrupted(directory: string, renames: number): Promise<void> {
  let left = renames
  const fs = {
    ...nodeHost.fs,
    rename: async (from: string, to: string) => {
      const moving = from.includes('/repair-') || to.includes('/repair-')
      if (moving && left-- === 0) throw new Error('the power is gone')
      await nodeHost.fs.rename(from, to)
    },
  }
  const options = { directory, dryRun: false, acceptLoss: true, json: false }
  await expect(repair(fakeShell(), { ...nodeHost, fs }, options)).rejects.toThrow(
    'the power is gone',
  )
}
