import { describe, expect, it } from 'vitest'
import { mortalStores } from '../../chaos/kill/mortal-stores.ts'
import type { StoreOrder } from '../../chaos/kill/plan.ts'
import { Reaper } from '../../chaos/kill/reaper.ts'
import { deferred } from '../../src/executor/deferred.ts'
import type { KeyValueStore, Stores } from '../../src/host/host.ts'

/** Stores whose writes end when they are told to. */
function slowStores(): { stores: Stores; begun: string[]; end: (name: string) => void } {
  const begun: string[] = []
  const ends = new Map<string, () => void>()
  const store = (path: string): KeyValueStore => ({
    get: () => Promise.resolve(undefined),
    batch: async () => {
      begun.push(path)
      const ended = deferred<undefined>()
      ends.set(path, () => {
        ended.resolve(undefined)
      })
      await ended.promise
    },
    entries: () => {
      throw new Error('nobody reads here')
    },
    close: () => Promise.resolve(),
  })
  const stores = {
    open: (path: string) => Promise.resolve(store(path)),
    repair: () => Promise.resolve(),
  }
  return { stores, begun, end: (name) => ends.get(name)?.() }
}

async function opened(order: StoreOrder): Promise<{
  readonly a: KeyValueStore
  readonly b: KeyValueStore
  readonly begun: string[]
  readonly end: (name: string) => void
}> {
  const { stores, begun, end } = slowStores()
  const reaper = new Reaper({
    plan: { executors: [], driver: undefined, stores: order },
    outputs: 2,
    after: () => undefined,
    tell: () => undefined,
    fire: () => {
      throw new Error('nobody dies here')
    },
  })
  const mortal = mortalStores(stores, reaper, order)
  const [a, b] = [
    await mortal.open('checkpoint-a', { create: true }),
    await mortal.open('checkpoint-b', { create: true }),
  ]
  return { a, b, begun, end }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('stores in an order', () => {
  it.each([
    ['ab', 'checkpoint-a', 'checkpoint-b'],
    ['ba', 'checkpoint-b', 'checkpoint-a'],
  ] as const)('%s: the second is written when the first is', async (order, first, second) => {
    const { a, b, begun, end } = await opened(order)
    const both = Promise.all([a.batch([], { sync: true }), b.batch([], { sync: true })])
    await turn()
    expect(begun).toEqual([first])
    end(first)
    await turn()
    expect(begun).toEqual([first, second])
    end(second)
    await both
  })
  it('together: both at once, and one alone waits for nobody', async () => {
    const { a, b, begun, end } = await opened('together')
    const both = Promise.all([a.batch([], { sync: true }), b.batch([], { sync: true })])
    await turn()
    expect(begun).toEqual(['checkpoint-a', 'checkpoint-b'])
    end('checkpoint-a')
    end('checkpoint-b')
    await both
    const alone = await opened('ab')
    const written = alone.b.batch([], { sync: true })
    await turn()
    expect(alone.begun).toEqual(['checkpoint-b'])
    alone.end('checkpoint-b')
    await written
  })
})
