/**
 * Every file of a real LevelDB store cut, flipped, emptied, missing, or an old copy put back: the
 * checkpoint opens from the other store, serves nothing wrong, and both are whole again. Both
 * stores damaged: refused, and every file as it was.
 */
import { cp, mkdtemp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { codeOf } from '../host/stores-contract.ts'
import { found, input, open, type World } from './worlds.ts'

const SEED = 20_240
const random = seededRandom(SEED)
const letters = (n: number): string =>
  Array.from({ length: n }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join('')

let base: string
let expected: [string, string][]

const worldAt = (directory: string): World => ({
  host: { fs: nodeFileSystem, stores: nodeStores },
  directory,
  dispose: () => rm(directory, { recursive: true }),
})

/**
 * `template` holds tables, a log and a manifest with several edits; `old` is what it was two
 * commits before.
 */
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'millrace-damage-'))
  const template = worldAt(join(base, 'template'))
  const model = new Map<string, string>()
  for (let life = 0; life < 3; life++) {
    const { checkpoint } = await open(template, life === 0)
    for (let i = 0; i < 3; i++) {
      const number = checkpoint.root.number + 1
      const puts = Object.fromEntries(
        Array.from({ length: 12 }, () => [`k${String(Math.floor(random() * 20))}`, letters(2000)]),
      )
      await checkpoint.commit(input(number, puts))
      for (const [key, value] of Object.entries(puts)) model.set(key, value)
      if (number === 7) await cp(template.directory, join(base, 'old'), { recursive: true })
    }
    await checkpoint.close()
  }
  expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1))
  const { entries, report } = await found(template)
  expect(entries).toEqual(expected)
  expect(report.stores.map(({ state }) => state)).toEqual(['ok', 'ok'])
}, 60_000)

afterAll(async () => {
  await rm(base, { recursive: true })
})

type Store = 'checkpoint-a' | 'checkpoint-b'
type Damage = (path: string) => Promise<void>

const flip =
  (part: number): Damage =>
  async (path) => {
    const bytes = await readFile(path)
    const at = Math.min(bytes.length - 1, Math.floor(bytes.length * part))
    bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    await writeFile(path, bytes)
  }
/** A single flip may hit a value that was overwritten since, which is no damage. */
const flips: Damage = async (path) => {
  for (let part = 0; part < 1; part += 0.02) await flip(part)(path)
}
const cut =
  (part: number): Damage =>
  async (path) => {
    await truncate(path, Math.floor((await stat(path)).size * part))
  }
const missing: Damage = (path) => rm(path)
const zeroTail: Damage = async (path) => {
  const bytes = await readFile(path)
  await writeFile(path, bytes.fill(0, bytes.length >> 1))
}

const DAMAGES: readonly (readonly [string, Damage])[] = [
  ...[0, 0.1, 0.3, 0.5, 0.7, 0.9, 1].map((p) => [`a flip at ${String(p)}`, flip(p)] as const),
  ...[0, 0.2, 0.5, 0.8, 0.99].map((p) => [`a cut at ${String(p)}`, cut(p)] as const),
  ['it missing', missing],
  ['its second half zeroed', zeroTail],
]

let copies = 0
async function copyOfTemplate(): Promise<World> {
  copies += 1
  const directory = join(base, `copy-${String(copies)}`)
  await cp(join(base, 'template'), directory, { recursive: true })
  return worldAt(directory)
}

const dataFiles = async (world: World, store: Store): Promise<string[]> =>
  (await readdir(join(world.directory, store)))
    .filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(ldb|log))$/.test(name))
    .sort()

async function expectMended(world: World): Promise<string> {
  const first = await found(world)
  expect(first.entries).toEqual(expected)
  const second = await found(world)
  expect(second.entries).toEqual(expected)
  expect(second.report.stores.map(({ state }) => state)).toEqual(['ok', 'ok'])
  return first.report.stores.map(({ state }) => state).join(' ')
}

async function filesOf(world: World): Promise<Record<string, string>> {
  const files: Record<string, string> = {}
  for (const name of (await readdir(world.directory, { recursive: true })).sort()) {
    const path = join(world.directory, name)
    if (name.endsWith('LOCK') || !(await stat(path)).isFile()) continue
    files[name] = (await readFile(path)).toString('latin1')
  }
  return files
}

describe(`one damaged store (seed ${String(SEED)})`, () => {
  it('is mended from the other, whatever happened to any one of its files', async () => {
    const kinds = new Set<string>()
    const outcomes = new Map<string, number>()
    for (const store of ['checkpoint-a', 'checkpoint-b'] as const) {
      for (const [index, [what, damage]] of DAMAGES.entries()) {
        const probe = await copyOfTemplate()
        const files = await dataFiles(probe, store)
        for (const [i, file] of files.entries()) {
          // Half of the damages hit each file of this store, the other half those of the other
          // store.
          if ((i + index + (store === 'checkpoint-a' ? 0 : 1)) % 2 === 1) continue
          const world = await copyOfTemplate()
          await damage(join(world.directory, store, file))
          try {
            const outcome = await expectMended(world)
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
          } catch (error) {
            throw new Error(`${store}/${file} with ${what}`, { cause: error })
          }
          kinds.add(file.replace(/\d+/, ''))
          await world.dispose()
        }
        await probe.dispose()
      }
    }
    expect([...kinds].sort()).toEqual(['.ldb', '.log', 'CURRENT', 'MANIFEST-'])
    expect([...outcomes.keys()].some((outcome) => outcome.includes('damaged'))).toBe(true)
    expect([...outcomes.values()].reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(60)
  }, 120_000)

  it('is set aside and rebuilt when a whole copy from two commits ago was put back', async () => {
    for (const store of ['checkpoint-a', 'checkpoint-b'] as const) {
      const world = await copyOfTemplate()
      await rm(join(world.directory, store), { recursive: true })
      await cp(join(base, 'old', store), join(world.directory, store), { recursive: true })
      const outcome = store === 'checkpoint-a' ? 'damaged ok' : 'ok damaged'
      expect(await expectMended(world)).toBe(outcome)
      expect(await readdir(world.directory)).toContain(`${store}.damaged-1`)
      await world.dispose()
    }
  })

  it('is mended when one of its files was replaced by an older one of the same name', async () => {
    const old = await dataFiles(worldAt(join(base, 'old')), 'checkpoint-a')
    let replaced = 0
    for (const file of old) {
      const world = await copyOfTemplate()
      if ((await dataFiles(world, 'checkpoint-a')).includes(file)) {
        await cp(join(base, 'old/checkpoint-a', file), join(world.directory, 'checkpoint-a', file))
        await expectMended(world)
        replaced += 1
      }
      await world.dispose()
    }
    expect(replaced).toBeGreaterThan(0)
  })
})

describe('two damaged stores', () => {
  it.each([
    ['MANIFEST', cut(0.5)],
    ['MANIFEST', cut(0)],
    ['CURRENT', missing],
    ['.ldb', flips],
    ['.ldb', cut(0.5)],
    ['.ldb', missing],
  ] as const)(
    'are refused with %s hurt in both, and every file is left as it was',
    async (kind, damage) => {
      const world = await copyOfTemplate()
      for (const store of ['checkpoint-a', 'checkpoint-b'] as const) {
        const file = (await dataFiles(world, store)).find((name) => name.includes(kind)) ?? ''
        await damage(join(world.directory, store, file))
      }
      const before = await filesOf(world)
      expect(await codeOf(open(world))).toBe('MR_CHECKPOINT_DAMAGED')
      expect(await filesOf(world)).toEqual(before)
      await world.dispose()
    },
  )
})

describe('an open that was cut short', () => {
  it('is undone by the next, whatever LevelDB had done to the store by then', async () => {
    for (const store of ['checkpoint-a', 'checkpoint-b'] as const) {
      const world = await copyOfTemplate()
      const path = join(world.directory, store)
      await cp(path, `${path}.opening`, { recursive: true })
      for (const file of await dataFiles(world, store)) await missing(join(path, file))
      await cp(join(base, 'old', store), `${path}.opening.partial`, { recursive: true })
      expect(await expectMended(world)).toBe('ok ok')
      const names = (await readdir(world.directory)).sort()
      expect(names).toEqual(['checkpoint-a', 'checkpoint-b'])
      await world.dispose()
    }
  })
})
