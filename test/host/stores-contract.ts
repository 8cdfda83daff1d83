/** What every `Stores` does: LevelDB, its twin in memory, and any simulated one. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { isMillraceError, type ErrorCode } from '../../src/base/errors.ts'
import type { FileSystem, KeyValueStore, Stores } from '../../src/host/host.ts'

export interface StoresUnderTest {
  readonly fs: FileSystem
  readonly stores: Stores
  /** A directory that exists. */
  readonly directory: string
  dispose(): Promise<void>
}

export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'no error'> {
  try {
    await promise
    return 'no error'
  } catch (error) {
    if (isMillraceError(error)) return error.code
    throw error
  }
}

export async function all(store: KeyValueStore, range?: { from?: string; to?: string }) {
  const entries: [string, string][] = []
  for await (const [key, value] of store.entries(range)) entries.push([key, utf8Text(value)])
  return entries
}

const put = (key: string, text: string) => ({ kind: 'put', key, value: utf8(text) }) as const
const gone = (key: string) => ({ kind: 'delete', key }) as const
const SYNC = { sync: true }

export function storesContract(name: string, make: () => Promise<StoresUnderTest>): void {
  let under: StoresUnderTest
  let path: string
  beforeEach(async () => {
    under = await make()
    path = `${under.directory}/store`
  })
  afterEach(async () => {
    await under.dispose()
  })
  const open = (create = true, keep?: string): Promise<KeyValueStore> =>
    under.stores.open(path, keep === undefined ? { create } : { create, keep })

  describe(`${name}: a store`, () => {
    it('gives back what was put, in key order, within a range, less what was deleted', async () => {
      const store = await open()
      await store.batch([put('b', '2'), put('a', '1'), put('c/x', '3'), put('é', '4')], SYNC)
      await store.batch([put('b', 'two'), gone('a'), gone('never there')], { sync: false })
      expect(await store.get('a')).toBeUndefined()
      expect(await all(store)).toEqual([
        ['b', 'two'],
        ['c/x', '3'],
        ['é', '4'],
      ])
      expect(await all(store, { from: 'c', to: 'd' })).toEqual([['c/x', '3']])
      expect(await all(store, { from: 'b', to: 'c/x' })).toEqual([['b', 'two']])
      await store.close()
    })

    it('orders keys by their UTF-8 bytes', async () => {
      const store = await open()
      await store.batch([put('\u{1f600}', 'astral'), put('\uffee', 'last of the plane')], SYNC)
      expect((await all(store)).map(([, value]) => value)).toEqual(['last of the plane', 'astral'])
      await store.close()
    })

    it('keeps its own copy of a value, and hands out copies', async () => {
      const store = await open()
      const value = Buffer.from('before')
      await store.batch([{ kind: 'put', key: 'k', value }], SYNC)
      value.fill(0)
      const got = await store.get('k')
      expect(got === undefined ? undefined : utf8Text(got)).toBe('before')
      expect(got?.constructor).toBe(Uint8Array)
      got?.fill(0)
      expect(await all(store)).toEqual([['k', 'before']])
      await store.close()
    })

    it('holds empty values, values of megabytes, and thousands of entries', async () => {
      const store = await open()
      const big = new Uint8Array(3_000_000).map((_, i) => i)
      const many = Array.from({ length: 3000 }, (_, i) =>
        put(`n${String(i).padStart(5, '0')}`, 'x'),
      )
      await store.batch([put('empty', ''), { kind: 'put', key: 'big', value: big }, ...many], SYNC)
      expect(await store.get('empty')).toHaveLength(0)
      expect(Buffer.compare((await store.get('big')) ?? utf8(''), big)).toBe(0)
      expect(await all(store, { from: 'n' })).toHaveLength(3000)
      await store.close()
    })

    it('iterates over what there was when the iteration began', async () => {
      const store = await open()
      await store.batch([put('a', '1'), put('b', '2')], SYNC)
      const seen: string[] = []
      for await (const [key] of store.entries()) {
        seen.push(key)
        await store.batch([put(`z${key}`, 'new'), gone('b')], SYNC)
      }
      expect(seen).toEqual(['a', 'b'])
      await store.close()
    })

    it('may be left in the middle of an iteration', async () => {
      const store = await open()
      await store.batch([put('a', '1'), put('b', '2')], SYNC)
      for await (const [key] of store.entries()) {
        expect(key).toBe('a')
        break
      }
      await store.close()
    })
  })

  describe(`${name}: the life of a store`, () => {
    it('holds its entries when it is opened again', async () => {
      const first = await open()
      await first.batch([put('a', '1')], SYNC)
      await first.close()
      const second = await open(false)
      expect(await all(second)).toEqual([['a', '1']])
      await second.close()
    })

    it('is not created unless asked for', async () => {
      expect(await codeOf(open(false))).toBe('MR_CHECKPOINT_DAMAGED')
      expect(await under.fs.list(path)).toBeUndefined()
      await under.fs.makeDirectory(path)
      expect(await codeOf(open(false))).toBe('MR_CHECKPOINT_DAMAGED')
      await (await open(true)).close()
    })

    it('is not opened twice, and the first one goes on unharmed', async () => {
      const store = await open()
      expect(await codeOf(open())).toBe('MR_DIRECTORY_OWNED')
      expect(await codeOf(open(false))).toBe('MR_DIRECTORY_OWNED')
      await store.batch([put('a', '1')], SYNC)
      expect(await all(store)).toEqual([['a', '1']])
      await store.close()
      await (await open(false)).close()
    })

    it('refuses every call after close, except close', async () => {
      const store = await open()
      await store.batch([put('a', '1')], SYNC)
      const iterator = store.entries()[Symbol.asyncIterator]()
      await iterator.next()
      await Promise.all([store.close(), store.close()])
      expect(await codeOf(store.get('a'))).toBe('MR_STATE_INVALID')
      expect(await codeOf(store.batch([put('a', '2')], SYNC))).toBe('MR_STATE_INVALID')
      expect(await codeOf(all(store))).toBe('MR_STATE_INVALID')
      await store.close()
    })

    it('moves and goes with its directory', async () => {
      const store = await open()
      await store.batch([put('a', '1')], SYNC)
      await store.close()
      await under.fs.rename(path, `${path}.moved`)
      expect(await codeOf(open(false))).toBe('MR_CHECKPOINT_DAMAGED')
      await under.fs.rename(`${path}.moved`, path)
      const back = await open(false)
      expect(await all(back)).toEqual([['a', '1']])
      await back.close()
      await under.fs.remove(path)
      const fresh = await open(true)
      expect(await all(fresh)).toEqual([])
      await fresh.close()
    })

    it('keeps the files of before beside it, when asked, untouched by what follows', async () => {
      const first = await open()
      await first.batch([put('a', '1')], SYNC)
      await first.close()
      const keep = `${path}.kept`
      const second = await open(false, keep)
      await second.batch([put('a', '2'), put('b', '3')], SYNC)
      await second.close()
      await under.fs.remove(path)
      await under.fs.rename(keep, path)
      const third = await open(false)
      expect(await all(third)).toEqual([['a', '1']])
      await third.close()
    })

    it('keeps nothing where there was nothing', async () => {
      const store = await open(true, `${path}.kept`)
      await store.close()
      expect(await under.fs.stat(`${path}.kept`)).toBeUndefined()
    })

    it('is repaired only where there is one, and holds what it held', async () => {
      expect(await codeOf(under.stores.repair(`${path}/nowhere/at/all`))).not.toBe('no error')
      const store = await open()
      await store.batch([put('a', '1')], SYNC)
      await store.close()
      await under.stores.repair(path)
      const again = await open(false)
      expect(await all(again)).toEqual([['a', '1']])
      await again.close()
    })
  })
}
