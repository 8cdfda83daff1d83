/**
 * With less than `sync` an allocation could be lost by a power failure after its batch was
 * committed, and its blocks be counted again: so it is made durable before the commit.
 */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { defineApp } from '../../src/dstream/app.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { EngineOptions } from '../../src/engine/engine-options.ts'
import { Ground } from './ground.ts'

const app = defineApp({ name: 'counts', batchInterval: seconds(1) }, (ssc) => {
  ssc
    .generatorStream({ uid: 'lines', linesPerSecond: 10 })
    .map((line) => [line.length, 1])
    .updateStateByKey({ uid: 'n', idle: 'skip' }, (ones: readonly number[]) => ones.length)
    .toRows('out')
})

describe('the log before a commit', () => {
  for (const durability of ['sync', 'interval', 'none'] as const) {
    it(`holds the allocation durably with durability '${durability}'`, async () => {
      const ground = new Ground()
      const seen: boolean[] = []
      const running: { engine?: Engine } = {}
      const stores: EngineOptions['host']['stores'] = {
        repair: (path) => ground.host.stores.repair(path),
        open: async (path, options) => {
          const store = await ground.host.stores.open(path, options)
          return {
            get: (key) => store.get(key),
            entries: (range) => store.entries(range),
            close: () => store.close(),
            batch: async (operations, how) => {
              const { log, batches } = running.engine?.status() ?? { log: undefined, batches: [] }
              if (log !== undefined && batches.length > 0) seen.push(log.durable >= log.end)
              await store.batch(operations, how)
            },
          }
        },
      }
      const engine = ground.engine(app, {
        settings: { durability },
        host: { ...ground.host, stores },
      })
      running.engine = engine
      await engine.start()
      for (const time of [1000, 2000, 3000]) await ground.batch(engine, time)
      await engine.stop({ graceful: false, timeoutMs: 0 })
      expect(seen.length).toBeGreaterThanOrEqual(6)
      expect(seen).not.toContain(false)
    })
  }
})
