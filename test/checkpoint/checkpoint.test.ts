/** The checkpoint, on LevelDB and in memory: commits, refusals, mending. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { encodeRoot, rootKey, withDigest } from '../../checkpoint/root.ts'
import { verifyCheckpoint } from '../../checkpoint/verify.ts'
import { wrapValue } from '../../checkpoint/wrapped-value.ts'
import { codeOf } from '../host/stores-contract.ts'
import * as worlds from './worlds.ts'
import { contents, copyOf, failing, found, input, open, tamper, type World } from './worlds.ts'

const MADE = [
  ['memory', worlds.memoryWorld],
  ['LevelDB', worlds.diskWorld],
] as const

describe.each(MADE)('a checkpoint on %s', (_, make) => {
  let world: World
  beforeEach(async () => {
    world = await make()
  })
  afterEach(async () => {
    await world.dispose()
  })

  /** Three commits: a=3, b=2, c deleted again. */
  async function filled(): Promise<void> {
    const { checkpoint } = await open(world, true)
    await checkpoint.commit(input(1, { a: '1', c: '1' }))
    await checkpoint.commit(input(2, { a: '2', b: '2' }, ['c', 'never there']))
    await checkpoint.commit(input(3, { a: '3' }))
    await checkpoint.close()
  }
  const FILLED = [
    ['a', '3'],
    ['b', '2'],
  ]
  const names = async (): Promise<readonly string[]> =>
    (await world.host.fs.list(world.directory)) ?? []

  it('begins empty at root 0 on a first start', async () => {
    const { checkpoint, report } = await open(world, true)
    expect(report.fresh).toBe(true)
    expect(checkpoint.root).toMatchObject({ number: 0, time: 0, logPosition: 0 })
    expect(await contents(checkpoint)).toEqual([])
    await checkpoint.close()
    expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b'])
    expect((await found(world)).report).toMatchObject({ fresh: false, root: { number: 0 } })
  })

  it('serves what was committed, and after a restart the same', async () => {
    const { checkpoint } = await open(world, true)
    const first = await checkpoint.commit(input(1, { a: '1', 'a/x': 'x', c: '1' }))
    expect(first).toMatchObject({ number: 1, time: 1000, epoch: 1, logPosition: 10 })
    const second = await checkpoint.commit(input(2, { a: '2' }, ['c']))
    expect(second.previous).toEqual(first.digest)
    expect(utf8Text((await checkpoint.get('a')) ?? utf8(''))).toBe('2')
    expect(await checkpoint.get('c')).toBeUndefined()
    expect(await contents(checkpoint, 'a/')).toEqual([['a/x', 'x']])
    expect(checkpoint.size).toEqual({ entries: 2, bytes: 2 * 12 + 2 })
    await checkpoint.close()
    const { report, entries, root } = await found(world)
    expect(entries).toEqual([
      ['a', '2'],
      ['a/x', 'x'],
    ])
    expect(root).toEqual(second)
    expect(report.stores).toEqual([
      { name: 'checkpoint-a', state: 'ok', why: [] },
      { name: 'checkpoint-b', state: 'ok', why: [] },
    ])
    expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b'])
  })

  it('keeps the two newest roots and no more', async () => {
    await filled()
    const store = await world.host.stores.open(`${world.directory}/checkpoint-b`, { create: false })
    const roots: string[] = []
    for await (const [key] of store.entries({ from: 'root/', to: 'root0' })) roots.push(key)
    await store.close()
    expect(roots).toEqual([rootKey(2), rootKey(3)])
  })

  it('reports progress over both stores', async () => {
    await filled()
    const seen: [number, number][] = []
    const { directory, host } = world
    const onProgress = (done: number, total: number): void => {
      seen.push([done, total])
    }
    const { openCheckpoint } = await import('../../checkpoint/checkpoint.ts')
    const options = { directory, identity: worlds.IDENTITY, create: false, onProgress }
    await (await openCheckpoint(host, options)).checkpoint.close()
    expect(seen.at(-1)).toEqual([4, 4])
  })

  it('refuses every commit after one that failed, and a reopen finds it in both', async () => {
    for (const broken of ['checkpoint-a', 'checkpoint-b']) {
      for (const appliedFirst of [false, true]) {
        await world.dispose()
        world = await make()
        await filled()
        const wedged = failing(world.host.stores)
        const host = { fs: world.host.fs, stores: wedged.stores }
        const { checkpoint } = await open({ ...world, host })
        Object.assign(wedged, { broken, appliedFirst })
        expect(await codeOf(checkpoint.commit(input(4, { a: '4', d: '4' })))).toBe(
          'MR_CHECKPOINT_FAILED',
        )
        expect(checkpoint.root.number).toBe(3)
        wedged.broken = undefined
        expect(await codeOf(checkpoint.commit(input(4, { a: '5' })))).toBe('MR_CHECKPOINT_FAILED')
        await checkpoint.close()
        const { entries, report } = await found(world)
        expect(entries).toEqual([
          ['a', '4'],
          ['b', '2'],
          ['d', '4'],
        ])
        expect(report.root.number).toBe(4)
        const state = report.stores.find(({ name }) => name === broken)
        expect(state).toMatchObject(
          appliedFirst ? { state: 'ok' } : { state: 'behind', mended: { entries: 2 } },
        )
        if (!appliedFirst) {
          expect(state?.why).toEqual(['it holds commit 3, one behind, as a crash leaves it'])
          expect(state?.aside).toBeUndefined()
        }
        const after = await found(world)
        expect(after.report.stores.map((store) => store.state)).toEqual(['ok', 'ok'])
        expect(after.entries).toEqual(entries)
      }
    }
  })

  it('goes on committing after it was mended', async () => {
    await filled()
    const a = wrapValue('a', 3, utf8('other'))
    await tamper(world, 'checkpoint-a', [{ kind: 'put', key: 'a', value: a }])
    const { checkpoint, report } = await open(world)
    expect(report.winner).toBe('checkpoint-b')
    await checkpoint.commit(input(4, { e: '4' }, ['b']))
    await checkpoint.close()
    const { entries, report: later } = await found(world)
    expect(later.stores.map((store) => store.state)).toEqual(['ok', 'ok'])
    expect(entries).toEqual([
      ['a', '3'],
      ['e', '4'],
    ])
  })

  it.each([
    ['a flipped value', [{ kind: 'put', key: 'a', value: utf8('rubbish of some length') }]],
    ['an older value', [{ kind: 'put', key: 'a', value: wrapValue('a', 2, utf8('2')) }]],
    ['a lost entry', [{ kind: 'delete', key: 'b' }]],
    ['an entry too many', [{ kind: 'put', key: 'z', value: wrapValue('z', 3, utf8('z')) }]],
    ['a lost newest root', [{ kind: 'delete', key: rootKey(3) }]],
    ['a lost older root', [{ kind: 'delete', key: rootKey(2) }]],
    ['a bad root', [{ kind: 'put', key: rootKey(3), value: utf8('rubbish of some length') }]],
    ['both roots lost', [2, 3].map((n) => ({ kind: 'delete', key: rootKey(n) }) as const)],
  ] as const)(
    'rebuilds a store with %s from the other, and keeps the damaged one',
    async (_what, damage) => {
      for (const name of ['checkpoint-a', 'checkpoint-b'] as const) {
        await world.dispose()
        world = await make()
        await filled()
        await tamper(world, name, damage)
        const { entries, report } = await found(world)
        expect(entries).toEqual(FILLED)
        const state = report.stores.find((store) => store.name === name)
        expect(state).toMatchObject({ state: 'damaged', mended: { entries: 2 } })
        expect(state?.why.length).toBeGreaterThan(0)
        expect(state?.aside).toBe(`${world.directory}/${name}.damaged-1`)
        expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b', `${name}.damaged-1`].sort())
        expect((await found(world)).report.stores.map((s) => s.state)).toEqual(['ok', 'ok'])
      }
    },
  )

  it.each([
    [1, 'behind', []],
    [2, 'damaged', ['it holds commit 3, 2 behind: a crash leaves a store at most 1 behind']],
    [3, 'damaged', ['it holds commit 3, 3 behind: a crash leaves a store at most 1 behind']],
  ] as const)('takes a store that is %i behind for %s', async (behind, state, problems) => {
    for (const name of ['checkpoint-a', 'checkpoint-b'] as const) {
      await world.dispose()
      world = await make()
      await filled()
      const putBack = await copyOf(world, name)
      const { checkpoint } = await open(world)
      for (let n = 4; n < 4 + behind; n++) await checkpoint.commit(input(n, { d: String(n) }))
      await checkpoint.close()
      await putBack()
      const verified = await verifyCheckpoint(world.host, world.directory)
      for (const store of verified) {
        expect(store.problems).toEqual(store.name === name ? problems : [])
      }
      const { entries, report } = await found(world)
      expect(entries).toEqual([...FILLED, ['d', String(3 + behind)]])
      const mended = report.stores.find((store) => store.name === name)
      expect(mended).toMatchObject({ state, mended: { entries: state === 'behind' ? 1 : 3 } })
      if (state === 'damaged') expect(mended?.why).toEqual(problems)
      const aside = state === 'damaged' ? [`${name}.damaged-1`] : []
      expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b', ...aside].sort())
      expect((await found(world)).report.stores.map((s) => s.state)).toEqual(['ok', 'ok'])
    }
  })

  it('keeps at most three damaged stores of a name, the newest', async () => {
    await filled()
    for (let i = 0; i < 5; i++) {
      await tamper(world, 'checkpoint-b', [{ kind: 'delete', key: 'b' }])
      expect((await found(world)).entries).toEqual(FILLED)
    }
    const asides = (await names()).filter((name) => name.includes('damaged'))
    expect(asides).toEqual([3, 4, 5].map((n) => `checkpoint-b.damaged-${String(n)}`))
  })

  it('rebuilds a missing or an empty store, and never takes it for a first start', async () => {
    await filled()
    const { fs, stores } = world.host
    await fs.remove(`${world.directory}/checkpoint-a`)
    const missing = await found(world)
    expect(missing.entries).toEqual(FILLED)
    expect(missing.report.stores[0]).toMatchObject({ state: 'missing', mended: { entries: 2 } })
    await fs.remove(`${world.directory}/checkpoint-b`)
    await (await stores.open(`${world.directory}/checkpoint-b`, { create: true })).close()
    const empty = await found(world)
    expect(empty.entries).toEqual(FILLED)
    expect(empty.report.stores[1]).toMatchObject({ state: 'damaged', why: ['it is empty'] })
  })

  it('finishes a first start that was cut short between the two stores', async () => {
    await (await open(world, true)).checkpoint.close()
    await world.host.fs.remove(`${world.directory}/checkpoint-b`)
    const { checkpoint, report } = await open(world, true)
    expect(report).toMatchObject({ fresh: false, winner: 'checkpoint-a' })
    expect(report.stores[1]).toMatchObject({ state: 'missing' })
    await checkpoint.close()
    expect((await found(world)).report.stores.map((store) => store.state)).toEqual(['ok', 'ok'])
  })

  it('refuses to start where there is nothing, unless it is a first start', async () => {
    expect(await codeOf(open(world))).toBe('MR_CHECKPOINT_DAMAGED')
    expect(await names()).toEqual([])
  })

  it('sets one foreign store aside, and a file where a store should be', async () => {
    await filled()
    const other = await worlds.memoryWorld()
    const theirs = await open(other, true, new Uint8Array(16).fill(9))
    await theirs.checkpoint.commit(input(1, { theirs: '1' }))
    await theirs.checkpoint.close()
    const path = `${world.directory}/checkpoint-a`
    await world.host.fs.remove(path)
    const store = await world.host.stores.open(path, { create: true })
    const { checkpoint } = theirs
    const root = { kind: 'put', key: rootKey(1), value: encodeRoot(checkpoint.root) } as const
    await store.batch([root], { sync: true })
    await store.close()
    const mended = await found(world)
    expect(mended.entries).toEqual(FILLED)
    expect(mended.report.stores[0]).toMatchObject({
      state: 'damaged',
      why: [expect.stringContaining('belongs to 0909') as unknown],
      aside: `${path}.damaged-1`,
    })
    await world.host.fs.remove(path)
    await world.host.fs.writeFileDurably(path, new Uint8Array(3))
    const [a] = (await found(world)).report.stores
    expect(a).toMatchObject({ state: 'damaged', aside: `${path}.damaged-2` })
    expect((await found(world)).entries).toEqual(FILLED)
  })

  it('refuses another directory’s checkpoint and a newer format', async () => {
    await filled()
    expect(await codeOf(open(world, false, new Uint8Array(16)))).toBe('MR_DIRECTORY_FOREIGN')
    expect((await found(world)).entries).toEqual(FILLED)
    const { crc32c } = await import('../../src/base/checksum.ts')
    const newer = encodeRoot((await found(world)).root)
    newer[4] = 2
    const view = new DataView(newer.buffer)
    view.setUint32(newer.length - 4, crc32c(newer.subarray(0, -4)), true)
    await tamper(world, 'checkpoint-b', [{ kind: 'put', key: rootKey(3), value: newer }])
    expect(await codeOf(open(world))).toBe('MR_DIRECTORY_NEWER')
    expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b'])
  })

  it('refuses two stores that hold different histories, and leaves both alone', async () => {
    await filled()
    const { root } = await found(world)
    for (const ahead of [0, 1]) {
      const older = withDigest({ ...root, time: 5 })
      const operations = [{ kind: 'put', key: rootKey(3), value: encodeRoot(older) }] as const
      if (ahead === 0) await tamper(world, 'checkpoint-b', operations)
      expect(await codeOf(open(world))).toBe('MR_CHECKPOINT_DAMAGED')
      expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b'])
      const next = withDigest({ ...root, number: 4, previous: root.digest })
      await tamper(world, 'checkpoint-a', [
        { kind: 'put', key: rootKey(4), value: encodeRoot(next) },
        { kind: 'delete', key: rootKey(2) },
      ])
    }
  })

  it('refuses when both stores are damaged', async () => {
    await filled()
    await tamper(world, 'checkpoint-a', [{ kind: 'delete', key: 'a' }])
    await tamper(world, 'checkpoint-b', [{ kind: 'delete', key: 'b' }])
    for (const create of [false, true]) {
      expect(await codeOf(open(world, create))).toBe('MR_CHECKPOINT_DAMAGED')
      expect(await names()).toEqual(['checkpoint-a', 'checkpoint-b'])
    }
  })

  it('is verified without being mended', async () => {
    await filled()
    await tamper(world, 'checkpoint-b', [{ kind: 'delete', key: 'b' }])
    for (let i = 0; i < 2; i++) {
      const [a, b] = await verifyCheckpoint(world.host, world.directory)
      expect(a).toMatchObject({ entries: 2, bytes: 26, problems: [], root: { number: 3 } })
      expect(b).toMatchObject({ entries: 1, root: { number: 3 } })
      expect(b.problems).toHaveLength(1)
      expect(b.problems[0]).toMatch(/not those of commit 3/)
    }
    await world.host.fs.remove(`${world.directory}/checkpoint-a`)
    const [gone] = await verifyCheckpoint(world.host, world.directory)
    expect(gone.problems).toEqual(['there is no store'])
    expect(await names()).toEqual(['checkpoint-b'])
  })
})
