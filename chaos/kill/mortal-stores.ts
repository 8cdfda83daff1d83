/**
 * Stores that are written one after the other. The daemon writes both at once, and a kill then
 * hardly ever leaves one behind; in this order it does, so that mending is really tried.
 */
import type { KeyValueStore, Stores } from '../../src/host/host.ts'
import type { StoreOrder } from './plan.ts'
import type { Reaper } from './reaper.ts'

type Side = 'a' | 'b'

export function mortalStores(stores: Stores, reaper: Reaper, order: StoreOrder): Stores {
  const writing = new Map<Side, Promise<void>>()
  const first: Side | undefined = order === 'together' ? undefined : order === 'ab' ? 'a' : 'b'
  return {
    ...stores,
    async open(path, options) {
      const store = await reaper.around(['store.open'], () => stores.open(path, options))
      const side = path.endsWith('checkpoint-a') ? 'a' : path.endsWith('checkpoint-b') ? 'b' : ''
      if (side === '') return store
      return mortalStore(store, async (batch) => {
        // Both writes are begun in one turn: after it, the other one is known.
        const other = first === undefined || first === side ? undefined : first
        const turn = Promise.resolve().then(async () => {
          if (other !== undefined) await writing.get(other)?.catch(() => undefined)
          await reaper.around(['store.batch'], batch)
        })
        writing.set(side, turn)
        try {
          await turn
        } finally {
          if (writing.get(side) === turn) writing.delete(side)
        }
      })
    },
  }
}

const mortalStore = (
  store: KeyValueStore,
  around: (batch: () => Promise<void>) => Promise<void>,
): KeyValueStore => ({
  get: (key) => store.get(key),
  batch: (operations, options) => around(() => store.batch(operations, options)),
  entries: (range) => store.entries(range),
  close: () => store.close(),
})
