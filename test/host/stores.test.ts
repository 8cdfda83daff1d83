/** The contract of `Stores` on LevelDB and in memory, and what only LevelDB has: files. */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../src/base/bytes.ts'
import { storeError } from '../../src/host/store-errors.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { memoryStores } from '../../src/host/memory-stores.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { codeOf, storesContract } from './stores-contract.ts'

const temporary = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-stores-'))

storesContract('LevelDB', async () => {
  const directory = await temporary()
  return {
    fs: nodeFileSystem,
    stores: nodeStores,
    directory,
    dispose: () => rm(directory, { recursive: true }),
  }
})

storesContract('memory', async () => {
  const fs = new MemoryFileSystem()
  await fs.makeDirectory('/data')
  return { fs, stores: memoryStores(fs), directory: '/data', dispose: () => Promise.resolve() }
})

describe('LevelDB stores', () => {
  let directory: string
  let path: string
  beforeEach(async () => {
    directory = await temporary()
    path = join(directory, 'store')
  })
  afterEach(async () => {
    await rm(directory, { recursive: true })
  })

  it('does not create over tables that have lost their CURRENT', async () => {
    const store = await nodeStores.open(path, { create: true })
    await store.batch([{ kind: 'put', key: 'a', value: utf8('1') }], { sync: true })
    await store.close()
    await nodeStores.repair(path)
    await unlink(join(path, 'CURRENT'))
    const before = (await readdir(path)).sort()
    expect(before.some((name) => name.endsWith('.ldb'))).toBe(true)
    expect(await codeOf(nodeStores.open(path, { create: true }))).toBe('MR_CHECKPOINT_DAMAGED')
    expect(await codeOf(nodeStores.open(path, { create: false }))).toBe('MR_CHECKPOINT_DAMAGED')
    expect((await readdir(path)).sort()).toEqual(before)
  })

  it('keeps other processes out until it is closed, even after a refused second open', async () => {
    const store = await nodeStores.open(path, { create: true })
    expect(await codeOf(nodeStores.open(path, { create: true }))).toBe('MR_DIRECTORY_OWNED')
    expect(await openElsewhere(path)).toBe('LEVEL_LOCKED')
    await store.close()
    expect(await openElsewhere(path)).toBe('opened')
  })

  it('tells a directory that another process holds', async () => {
    const child = spawn(process.execPath, ['-e', script(path, 'setInterval(() => {}, 1000)')], {
      cwd: process.cwd(),
    })
    try {
      await new Promise<void>((resolve) =>
        child.stdout.once('data', () => {
          resolve()
        }),
      )
      expect(await codeOf(nodeStores.open(path, { create: false }))).toBe('MR_DIRECTORY_OWNED')
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    }
    await (await nodeStores.open(path, { create: false })).close()
  })

  it('clears away what an interrupted keeping left', async () => {
    await (await nodeStores.open(path, { create: true })).close()
    const keep = `${path}.kept`
    await nodeFileSystem.makeDirectory(`${keep}.partial`)
    await nodeFileSystem.writeFileDurably(`${keep}.partial/CURRENT`, utf8('rubbish'))
    await (await nodeStores.open(path, { create: false, keep })).close()
    expect((await readdir(directory)).sort()).toEqual(['store', 'store.kept'])
    await (await nodeStores.open(keep, { create: false })).close()
  })
})

describe('failures of LevelDB', () => {
  const nested = (code: string, text: string): Error =>
    new Error('Database failed to open', { cause: Object.assign(new Error(text), { code }) })

  it.each([
    ['LEVEL_LOCKED', 'IO error: lock x/LOCK: already held by process', 'MR_DIRECTORY_OWNED'],
    ['LEVEL_CORRUPTION', 'Corruption: bad block', 'MR_CHECKPOINT_DAMAGED'],
    [
      'LEVEL_IO_ERROR',
      'IO error: x/000004.ldb: No such file or directory',
      'MR_CHECKPOINT_DAMAGED',
    ],
    ['LEVEL_IO_ERROR', 'IO error: x/000004.ldb: Input/output error', 'MR_CHECKPOINT_DAMAGED'],
    ['LEVEL_IO_ERROR', 'IO error: x/000005.log: No space left on device', 'MR_DISK_FULL'],
    ['LEVEL_IO_ERROR', 'IO error: x/LOCK: Too many open files', 'MR_CHECKPOINT_FAILED'],
    ['LEVEL_IO_ERROR', 'IO error: x/LOCK: Permission denied', 'MR_CHECKPOINT_FAILED'],
  ])('%s with "%s" is %s', (code, text, wanted) => {
    const error = storeError('x', nested(code, text))
    expect(error.code).toBe(wanted)
    expect(error.message).toMatch(/^x/)
  })
})

const script = (path: string, then: string): string => `
  const { Level } = require('level')
  const db = new Level(${JSON.stringify(path)})
  const say = (text) => process.stdout.write(text)
  db.open().then(() => { say('opened'); ${then} }, (error) => { say(error.cause.code) })`

function openElsewhere(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['-e', script(path, 'db.close()')], {
      cwd: process.cwd(),
    })
    let said = ''
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString()
    })
    child.once('error', reject)
    child.once('exit', () => {
      resolve(said.trim())
    })
  })
}
