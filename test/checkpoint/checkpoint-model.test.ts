/**
 * The checkpoint as a component: any run of commits, reads, restarts and damage to one store
 * against a plain map.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { contents, input, memoryWorld, open, type World } from './worlds.ts'

interface Model {
  readonly entries: Map<string, string>
  commits: number
}

interface Real {
  readonly world: World
  checkpoint: Checkpoint
}

type Command = fc.AsyncCommand<Model, Real>
const always = (): boolean => true
const sorted = (entries: ReadonlyMap<string, string>): [string, string][] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1))

class Commit implements Command {
  readonly puts: Readonly<Record<string, string>>
  readonly deletes: readonly string[]
  constructor(puts: Readonly<Record<string, string>>, deletes: readonly string[]) {
    this.puts = puts
    this.deletes = deletes.filter((key) => !(key in puts))
  }
  check = always
  async run(model: Model, { checkpoint }: Real): Promise<void> {
    const deletes = [...new Set(this.deletes)]
    const root = await checkpoint.commit(input(model.commits + 1, this.puts, deletes))
    model.commits += 1
    for (const key of deletes) model.entries.delete(key)
    for (const [key, value] of Object.entries(this.puts)) model.entries.set(key, value)
    expect(root.number).toBe(model.commits)
    expect(checkpoint.size.entries).toBe(model.entries.size)
  }
  toString = (): string => `commit ${JSON.stringify(this.puts)} -${this.deletes.join(',')}`
}

class Read implements Command {
  readonly key: string
  constructor(key: string) {
    this.key = key
  }
  check = always
  async run(model: Model, { checkpoint }: Real): Promise<void> {
    const value = await checkpoint.get(this.key)
    expect(value && utf8Text(value)).toBe(model.entries.get(this.key))
  }
  toString = (): string => `get ${this.key}`
}

type Harm = 'none' | 'remove' | 'empty' | 'change' | 'older'

/** Ends without a close, harms one store, opens again: nothing may be missing. */
class Restart implements Command {
  readonly side: 'a' | 'b'
  readonly harm: Harm
  constructor(side: 'a' | 'b', harm: Harm) {
    this.side = side
    this.harm = harm
  }
  check = always
  async run(model: Model, real: Real): Promise<void> {
    await real.checkpoint.close()
    await this.#hurt(real.world)
    const { checkpoint, report } = await open(real.world)
    real.checkpoint = checkpoint
    expect(report.fresh).toBe(false)
    expect(checkpoint.root.number).toBe(model.commits)
    expect(await contents(checkpoint)).toEqual(sorted(model.entries))
  }

  async #hurt({ directory, host }: World): Promise<void> {
    const path = `${directory}/checkpoint-${this.side}`
    if (this.harm === 'none') return
    if (this.harm === 'remove') {
      await host.fs.remove(path)
      return
    }
    const store = await host.stores.open(path, { create: false })
    const keys: string[] = []
    for await (const [key] of store.entries()) keys.push(key)
    const roots = keys.filter((key) => key.startsWith('root/'))
    const harmed = {
      empty: keys,
      change: keys.slice(0, 1),
      older: roots.length > 1 ? roots.slice(-1) : [],
    }[this.harm]
    const operations = harmed.map((key) =>
      this.harm === 'change'
        ? ({ kind: 'put', key, value: utf8('rot') } as const)
        : ({ kind: 'delete', key } as const),
    )
    await store.batch(operations, { sync: true })
    await store.close()
  }

  toString = (): string => `restart, ${this.side}: ${this.harm}`
}

const key = fc.constantFrom('a', 'b', 'c', 'd/1', 'd/2')
const commands = [
  fc
    .tuple(fc.dictionary(key, fc.string({ maxLength: 20 })), fc.array(key, { maxLength: 3 }))
    .map(([puts, deletes]) => new Commit(puts, deletes)),
  key.map((name) => new Read(name)),
  fc
    .tuple(
      fc.constantFrom('a', 'b'),
      fc.constantFrom<Harm[]>('none', 'remove', 'empty', 'change', 'older'),
    )
    .map(([side, harm]) => new Restart(side, harm)),
]

describe('the checkpoint as a component', () => {
  it('holds what was committed, whatever happens to one of its stores (model)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 30 }), async (run) => {
        const world = await memoryWorld()
        const real: Real = { world, checkpoint: (await open(world, true)).checkpoint }
        const setup = (): { model: Model; real: Real } => ({
          model: { entries: new Map(), commits: 0 },
          real,
        })
        await fc.asyncModelRun(setup, run)
        await real.checkpoint.close()
      }),
      { numRuns: 80 },
    )
  })
})
