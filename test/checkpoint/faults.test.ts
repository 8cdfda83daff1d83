/** A checkpoint whose stores, in memory, fail while it is open or being opened. */
import { beforeEach, describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { KeyValueStore, Stores } from '../../src/host/host.ts'
import { codeOf } from '../host/stores-contract.ts'
import { contents, failing, found, input, memoryWorld, open, type World } from './worlds.ts'

let world: World
beforeEach(async () => {
  world = await memoryWorld()
  const { checkpoint } = await open(world, true)
  await checkpoint.commit(input(1, { a: '1', b: '1', c: '1' }))
  await checkpoint.close()
})

/** The same world with some calls of some stores replaced. */
function changed(replace: (store: KeyValueStore, path: string) => Partial<KeyValueStore>): World {
  const { fs, stores } = world.host
  const wrapped: Stores = {
    repair: (path) => stores.repair(path),
    async open(path, options) {
      const store = await stores.open(path, options)
      const plain: KeyValueStore = {
        get: (key) => store.get(key),
        batch: (operations, how) => store.batch(operations, how),
        entries: (range) => store.entries(range),
        close: () => store.close(),
      }
      return { ...plain, ...replace(store, path) }
    },
  }
  return { ...world, host: { fs, stores: wrapped } }
}

const text = (value: Uint8Array | undefined): string | undefined =>
  value === undefined ? undefined : utf8Text(value)

const rotten = (bytes: Uint8Array): Uint8Array =>
  bytes.map((byte, i) => (i === 12 ? byte ^ 1 : byte))

describe('an open checkpoint', () => {
  it('serves the second store’s value where the first one’s rots, and counts it', async () => {
    let rot: 'none' | 'flip' | 'lose' | 'throw' = 'none'
    const { checkpoint } = await open(
      changed((store, path) => ({
        async get(key) {
          if (rot === 'none' || path.endsWith('b') || key !== 'b') return await store.get(key)
          if (rot === 'throw') throw new MillraceError('MR_CHECKPOINT_DAMAGED', 'bad block')
          return rot === 'lose' ? undefined : rotten((await store.get(key)) ?? utf8(''))
        },
        async *entries(range) {
          for await (const [key, value] of store.entries(range)) {
            const bad = rot !== 'none' && path.endsWith('a') && key === 'b'
            if (!bad) yield [key, value]
            else if (rot === 'throw') throw new MillraceError('MR_CHECKPOINT_DAMAGED', 'bad block')
            else if (rot === 'flip') yield [key, rotten(value)]
          }
        },
      })),
    )
    for (const [i, kind] of (['flip', 'lose', 'throw'] as const).entries()) {
      rot = kind
      expect(text(await checkpoint.get('b'))).toBe('1')
      expect(text(await checkpoint.get('a'))).toBe('1')
      expect((await contents(checkpoint)).sort()).toEqual([
        ['a', '1'],
        ['b', '1'],
        ['c', '1'],
      ])
      expect(checkpoint.damagedReads).toBe(2 * (i + 1))
    }
    await checkpoint.close()
  })

  it('never serves an older value with a right checksum, and says when both lost one', async () => {
    let stale: Uint8Array | undefined
    const { checkpoint } = await open(
      changed((store) => ({
        get: async (key) => (key === 'b' && stale !== undefined ? stale : await store.get(key)),
      })),
    )
    const store = await memoryCopyOf('b')
    await checkpoint.commit(input(2, { b: '2' }))
    stale = store
    expect(await codeOf(checkpoint.get('b'))).toBe('MR_CHECKPOINT_DAMAGED')
    stale = undefined
    expect(text(await checkpoint.get('b'))).toBe('2')
    await checkpoint.close()
  })

  /** The wrapped value of a key as commit 1 wrote it. */
  async function memoryCopyOf(key: string): Promise<Uint8Array> {
    const { wrapValue } = await import('../../checkpoint/wrapped-value.ts')
    return wrapValue(key, 1, utf8('1'))
  }

  it('reads around a commit under way: before it or after it, never damage', async () => {
    const { checkpoint } = await open(world)
    const reads: Promise<Uint8Array | undefined>[] = []
    for (let n = 2; n < 12; n++) {
      reads.push(checkpoint.get('a'))
      const done = checkpoint.commit(input(n, { a: String(n) }))
      reads.push(checkpoint.get('a'))
      await done
    }
    expect((await Promise.all(reads)).map((value) => Number(text(value))).every((n) => n > 0)).toBe(
      true,
    )
    expect(checkpoint.damagedReads).toBe(0)
    await checkpoint.close()
  })

  it('refuses two commits at a time, a key changed twice, and keys of its own', async () => {
    const { checkpoint } = await open(world)
    await expect(checkpoint.commit(input(2, { a: '2' }, ['a']))).rejects.toThrow(/one change a key/)
    await expect(checkpoint.commit(input(2, { 'root/x': '2' }))).rejects.toThrow(/own/)
    const first = checkpoint.commit(input(2, { a: '2' }))
    await expect(checkpoint.commit(input(3, { a: '3' }))).rejects.toThrow(/one commit at a time/)
    expect((await first).number).toBe(2)
    await checkpoint.close()
    expect(await codeOf(checkpoint.commit(input(3, {})))).toBe('MR_STATE_INVALID')
  })

  it('fails a commit that both stores refuse, with both causes', async () => {
    const wedged = failing(world.host.stores)
    const both = failing(wedged.stores)
    const { checkpoint } = await open({ ...world, host: { ...world.host, stores: both.stores } })
    wedged.broken = 'checkpoint-a'
    both.broken = 'checkpoint-b'
    await expect(checkpoint.commit(input(2, { a: '2' }))).rejects.toMatchObject({
      code: 'MR_CHECKPOINT_FAILED',
      cause: { errors: [{ message: 'the disk is wedged' }, { message: 'the disk is wedged' }] },
    })
    await checkpoint.close()
    expect((await found(world)).root.number).toBe(1)
  })

  it('closes both stores and tells every error', async () => {
    const { checkpoint } = await open(
      changed((store, path) => ({
        async close() {
          await store.close()
          throw new Error(`closing ${path.slice(-1)}`)
        },
      })),
    )
    await expect(checkpoint.close()).rejects.toMatchObject({
      errors: [{ message: 'closing a' }, { message: 'closing b' }],
    })
    expect((await found(world)).root.number).toBe(1)
  })
})

describe('opening', () => {
  it('gives up on a failing disk without touching anything, and works when it does', async () => {
    const { fs, stores } = world.host
    for (const name of ['checkpoint-a', 'checkpoint-b']) {
      const full: Stores = {
        repair: (path) => stores.repair(path),
        open: async (path, options) => {
          if (!path.endsWith(name)) return await stores.open(path, options)
          throw new MillraceError('MR_CHECKPOINT_FAILED', 'no space left on device')
        },
      }
      expect(await codeOf(open({ ...world, host: { fs, stores: full } }))).toBe(
        'MR_CHECKPOINT_FAILED',
      )
      expect(await fs.list(world.directory)).toEqual(['checkpoint-a', 'checkpoint-b'])
    }
    const { report } = await found(world)
    expect(report.stores.map(({ state }) => state)).toEqual(['ok', 'ok'])
  })

  it('closes what it opened when a read fails for another reason than damage', async () => {
    const error = new MillraceError('MR_CHECKPOINT_FAILED', 'too many open files')
    const broken = changed((_store, path) =>
      path.endsWith('b')
        ? {
            async *entries() {
              yield await Promise.reject(error)
            },
          }
        : {},
    )
    expect(await codeOf(open(broken))).toBe('MR_CHECKPOINT_FAILED')
    expect((await found(world)).report.stores.map(({ state }) => state)).toEqual(['ok', 'ok'])
  })

  it('starts over after a mending that failed half way, at any of its batches', async () => {
    const { checkpoint } = await open(world)
    const big = 'x'.repeat(1_500_000)
    const puts = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`big ${String(i)}`, big]))
    await checkpoint.commit(input(2, puts))
    await checkpoint.close()
    let batches = 0
    for (let until = 1; until < 20; until++) {
      await world.host.fs.remove(`${world.directory}/checkpoint-b`)
      batches = 0
      const cut = changed((store, path) => ({
        async batch(operations, how) {
          batches += 1
          if (path.endsWith('b') && batches === until) throw new Error('killed')
          await store.batch(operations, how)
        },
      }))
      const whole = await open(cut).then(
        async ({ checkpoint: opened }) => {
          await opened.close()
          return true
        },
        () => false,
      )
      const { entries, report } = await found(world)
      expect(entries).toHaveLength(12)
      if (whole) break
      expect(report.stores[1].state).toBe('damaged')
      expect(report.stores[1].mended?.entries).toBe(12)
    }
    // 13.5 MB in batches of at most 4 MiB, the last of which holds the roots.
    expect(batches).toBe(5)
  })
})
