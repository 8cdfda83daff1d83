/**
 * Identities of data directories, on the real file system: what is refused is left byte for byte as
 * it was.
 */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeRandom } from '../../src/host/node-random.ts'
import type { FileSystem } from '../../src/host/host.ts'
import { examineDirectory } from '../../src/engine/directory.ts'
import { openIdentity } from '../../src/engine/identity.ts'
import { contentOf, withDirectory } from './directory-fixture.ts'

const host = { fs: nodeFileSystem, random: nodeRandom, clock: nodeClock }
const IDENTITY = { format: 1, product: 'millrace', id: 'ab'.repeat(16), application: 'app' }
const identityText = (changes: object = {}): string =>
  JSON.stringify({ ...IDENTITY, createdAt: '2026-01-01T00:00:00.000Z', ...changes })

async function refuses(directory: string, code: string, application = 'app'): Promise<string> {
  const before = await contentOf(directory)
  const error: unknown = await openIdentity(host, directory, application).catch((e: unknown) => e)
  expect(error).toMatchObject({ code })
  expect(await contentOf(directory)).toEqual(before)
  return error instanceof Error ? error.message : ''
}

describe('a first start', () => {
  it('writes the identity last and reads the same id afterwards', async () => {
    await withDirectory(async (directory) => {
      const first = await openIdentity(host, directory, 'app')
      expect(first.kind).toBe('new')
      expect(first.id).toHaveLength(16)
      expect(Object.keys(await contentOf(directory))).toEqual(['first-start'])
      await first.finish()
      expect(Object.keys(await contentOf(directory))).toEqual(['millrace.json'])
      const second = await openIdentity(host, directory, 'app')
      expect(second.kind).toBe('existing')
      expect(second.id).toEqual(first.id)
    })
  })

  it('makes the directory when there is none', async () => {
    await withDirectory(async (parent) => {
      const directory = join(parent, 'a', 'b')
      const identity = await openIdentity(host, directory, 'app')
      await identity.finish()
      expect(JSON.parse(await readFile(join(directory, 'millrace.json'), 'utf8'))).toMatchObject({
        format: 1,
        product: 'millrace',
        application: 'app',
      })
    })
  })

  it('begins again where one was broken off, and erases what was begun', async () => {
    await withDirectory(async (directory) => {
      const broken = await openIdentity(host, directory, 'app')
      await mkdir(join(directory, 'log'))
      await writeFile(join(directory, 'log', '00000000000000000001.wal'), 'half')
      await mkdir(join(directory, 'checkpoint-a'))
      const again = await openIdentity(host, directory, 'app')
      expect(again.kind).toBe('new')
      expect(again.id).not.toEqual(broken.id)
      expect(Object.keys(await contentOf(directory))).toEqual(['first-start'])
    })
  })

  it('is over once the identity stands, though the marker was left behind', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'first-start'), 'x')
      await writeFile(join(directory, 'millrace.json'), identityText())
      await mkdir(join(directory, 'log'))
      await writeFile(join(directory, 'log', 'data'), 'kept')
      const identity = await openIdentity(host, directory, 'app')
      expect(identity.kind).toBe('existing')
      expect(Object.keys(await contentOf(directory)).sort()).toEqual([
        'log/',
        'log/data',
        'millrace.json',
      ])
    })
  })

  it('may begin in the root of a fresh volume', async () => {
    await withDirectory(async (directory) => {
      await mkdir(join(directory, 'lost+found'))
      expect((await openIdentity(host, directory, 'app')).kind).toBe('new')
    })
  })

  it('never begins where data lies that lost its identity', async () => {
    await withDirectory(async (directory) => {
      await mkdir(join(directory, 'log'))
      await writeFile(join(directory, 'log', 'data'), 'precious')
      expect(await refuses(directory, 'MR_DIRECTORY_DAMAGED')).toContain('log')
    })
  })
})

describe('a directory that is refused', () => {
  it('holds files of others', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'thesis.txt'), 'do not touch')
      expect(await refuses(directory, 'MR_DIRECTORY_FOREIGN')).toContain('thesis.txt')
    })
  })

  it('is a file', async () => {
    await withDirectory(async (directory) => {
      const file = join(directory, 'file')
      await writeFile(file, 'x')
      const attempt = openIdentity(host, file, 'app')
      await expect(attempt).rejects.toMatchObject({ code: 'MR_DIRECTORY_FOREIGN' })
    })
  })

  it('belongs to another application', async () => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'millrace.json'), identityText())
      const message = await refuses(directory, 'MR_DIRECTORY_FOREIGN', 'other')
      expect(message).toContain("'app'")
      expect(message).toContain("'other'")
    })
  })

  it.each([
    ['was written by a newer version', identityText({ format: 2 }), 'MR_DIRECTORY_NEWER'],
    ['is of another product', identityText({ product: 'other' }), 'MR_DIRECTORY_FOREIGN'],
    ['has an empty identity', '', 'MR_DIRECTORY_DAMAGED'],
    ['has half an identity', identityText().slice(0, 30), 'MR_DIRECTORY_DAMAGED'],
    ['has an identity that is no object', '7', 'MR_DIRECTORY_DAMAGED'],
    ['has a short id', identityText({ id: 'abcd' }), 'MR_DIRECTORY_DAMAGED'],
    ['has no application', identityText({ application: 7 }), 'MR_DIRECTORY_DAMAGED'],
  ])('%s', async (_, text, code) => {
    await withDirectory(async (directory) => {
      await writeFile(join(directory, 'millrace.json'), text)
      await refuses(directory, code)
    })
  })

  it.each(['EACCES', 'EROFS', 'EPERM'])('cannot be written (%s)', async (code) => {
    await withDirectory(async (directory) => {
      const fs: FileSystem = {
        ...nodeFileSystem,
        writeFileDurably: () => Promise.reject(Object.assign(new Error('refused'), { code })),
      }
      const attempt = openIdentity({ ...host, fs }, directory, 'app')
      await expect(attempt).rejects.toMatchObject({ code: 'MR_DIRECTORY_READ_ONLY' })
    })
  })
})

describe('examining a directory', () => {
  it('writes nothing and tells the three states apart', async () => {
    await withDirectory(async (directory) => {
      expect(await examineDirectory(nodeFileSystem, join(directory, 'none'))).toEqual({
        kind: 'empty',
      })
      await writeFile(join(directory, 'first-start'), 'x')
      await mkdir(join(directory, 'checkpoint-a'))
      const begun = await examineDirectory(nodeFileSystem, directory)
      expect(begun).toEqual({ kind: 'begun', data: ['checkpoint-a'] })
      await writeFile(join(directory, 'millrace.json'), 'x')
      expect(await examineDirectory(nodeFileSystem, directory)).toEqual({ kind: 'identified' })
      await rm(join(directory, 'millrace.json'))
      expect(Object.keys(await contentOf(directory)).sort()).toEqual([
        'checkpoint-a/',
        'first-start',
      ])
    })
  })
})
