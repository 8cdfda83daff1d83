/**
 * What every `FileSystem` promises as long as nothing crashes; run on the real one and on the one
 * in memory.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import type { FileSystem, OwnBytes } from '../../src/host/host.ts'

export interface FileSystemUnderTest {
  readonly fs: FileSystem
  /** An empty directory. */
  readonly directory: string
  dispose(): Promise<void>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const own = (text: string): OwnBytes => Uint8Array.from(bytes(text))
const text = (of: Uint8Array): string => new TextDecoder().decode(of)

export function fileSystemContract(name: string, make: () => Promise<FileSystemUnderTest>): void {
  describe(`${name} as a file system`, () => {
    let subject: FileSystemUnderTest
    let fs: FileSystem
    let path: (of: string) => string
    beforeEach(async () => {
      subject = await make()
      fs = subject.fs
      path = (of) => `${subject.directory}/${of}`
    })
    afterEach(() => subject.dispose())

    it('reads what was written at positions, and zeros between', async () => {
      const file = await fs.create(path('a'))
      await file.write(5, bytes('world'))
      await file.write(0, bytes('he'))
      await file.sync()
      await file.close()
      expect(text(await fs.readFile(path('a')))).toBe('he\0\0\0world')
      const reading = await fs.openRead(path('a'))
      expect(text(await reading.read(5, 3))).toBe('wor')
      expect(text(reading.readSync(8, 100))).toBe('ld')
      expect(await reading.read(100, 5)).toHaveLength(0)
      expect(await reading.size()).toBe(10)
      await reading.close()
    })

    it('cuts and extends by truncate', async () => {
      const file = await fs.create(path('a'))
      await file.write(0, bytes('hello'))
      await file.truncate(2)
      await file.truncate(4)
      await file.close()
      expect(text(await fs.readFile(path('a')))).toBe('he\0\0')
    })

    it('fails with ENOENT where nothing is and EEXIST where something is', async () => {
      const missing = { code: 'ENOENT' }
      await expect(fs.openRead(path('no'))).rejects.toMatchObject(missing)
      await expect(fs.openWrite(path('no'))).rejects.toMatchObject(missing)
      await expect(fs.readFile(path('no'))).rejects.toMatchObject(missing)
      await expect(fs.unlink(path('no'))).rejects.toMatchObject(missing)
      await expect(fs.rename(path('no'), path('b'))).rejects.toMatchObject(missing)
      await expect(fs.create(path('no/a'))).rejects.toMatchObject(missing)
      expect(() => fs.openReadSync(path('no'))).toThrow(expect.objectContaining(missing) as Error)
      await fs.writeFileDurably(path('a'), bytes('x'))
      await expect(fs.create(path('a'))).rejects.toMatchObject({ code: 'EEXIST' })
    })

    it('replaces a whole file durably and leaves nothing beside it', async () => {
      await fs.writeFileDurably(path('a'), bytes('long content'))
      await fs.writeFileDurably(path('a'), bytes('short'))
      expect(text(await fs.readFile(path('a')))).toBe('short')
      expect(await fs.list(subject.directory)).toEqual(['a'])
    })

    it('renames over an existing file, and who has it open keeps it', async () => {
      await fs.writeFileDurably(path('a'), bytes('A'))
      await fs.writeFileDurably(path('b'), bytes('B'))
      const b = await fs.openRead(path('b'))
      await fs.rename(path('a'), path('b'))
      expect(text(await fs.readFile(path('b')))).toBe('A')
      expect(text(await b.read(0, 1))).toBe('B')
      await b.close()
      expect(await fs.list(subject.directory)).toEqual(['b'])
    })

    it('makes directories with parents, lists, moves and removes them whole', async () => {
      await fs.makeDirectory(path('x/y'))
      await fs.makeDirectory(path('x/y'))
      await fs.writeFileDurably(path('x/y/b'), bytes('b'))
      await fs.writeFileDurably(path('x/y/a'), bytes('a'))
      await fs.syncDirectory(path('x/y'))
      expect(await fs.list(path('x/y'))).toEqual(['a', 'b'])
      expect(await fs.list(path('nowhere'))).toBeUndefined()
      await fs.rename(path('x'), path('z'))
      expect(text(await fs.readFile(path('z/y/a')))).toBe('a')
      await fs.remove(path('z'))
      await fs.remove(path('z'))
      expect(await fs.list(subject.directory)).toEqual([])
    })

    it('tells kind and size', async () => {
      await fs.makeDirectory(path('d'))
      await fs.writeFileDurably(path('a'), bytes('four'))
      expect(await fs.stat(path('a'))).toMatchObject({ kind: 'file', bytes: 4 })
      expect(await fs.stat(path('d'))).toMatchObject({ kind: 'directory' })
      expect(await fs.stat(path('no'))).toBeUndefined()
      expect(await fs.freeBytes(subject.directory)).toBeGreaterThan(0)
    })

    it('appends by a thread of its own, in order', async () => {
      await (await fs.create(path('log'))).close()
      const appender = await fs.openAppender()
      const file = await appender.open(path('log'))
      const calls = [
        appender.append(file, 0, own('xyz').subarray(0, 2), false),
        appender.append(file, 0, own('012'), true),
        appender.append(file, 3, own('3456'), false),
        appender.sync(file),
      ]
      await Promise.all(calls)
      await appender.closeFile(file)
      await expect(appender.open(path('no'))).rejects.toMatchObject({ code: 'ENOENT' })
      await appender.close()
      await appender.close()
      expect(text(await fs.readFile(path('log')))).toBe('0123456')
      await expect(appender.sync(file)).rejects.toMatchObject({ code: 'MR_LOG_CLOSED' })
    })

    it('takes the memory of what it appends away and gives it back', async () => {
      await (await fs.create(path('log'))).close()
      const appender = await fs.openAppender()
      const file = await appender.open(path('log'))
      const given = own('hello world').subarray(6, 9)
      const appending = appender.append(file, 0, given, true)
      expect([given.length, given.buffer.byteLength]).toEqual([0, 0])
      const returned = await appending
      expect([text(returned), text(new Uint8Array(returned.buffer))]).toEqual([
        'wor',
        'hello world',
      ])
      const again = await appender.append(file, 3, new Uint8Array(returned.buffer), true)
      expect(text(again)).toBe('hello world')
      expect(text(await fs.readFile(path('log')))).toBe('worhello world')
      await appender.closeFile(file)
      await expect(appender.append(file, 0, again, true)).rejects.toMatchObject({ code: 'EBADF' })
      expect(again.length).toBe(0)
      await appender.close()
    })
  })
}
