/** A disk that fills up and is freed again: receiving pauses, commits wait, nothing is lost. */
import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { seconds } from '../../src/base/time.ts'
import { defineApp } from '../../src/dstream/app.ts'
import type { Host, KeyValueStore, Stores } from '../../src/host/host.ts'
import { Ground } from './ground.ts'

const LINES = 500

const app = defineApp({ name: 'lines', batchInterval: seconds(1) }, (ssc) => {
  ssc
    .generatorStream({ uid: 'lines', linesPerSecond: 100, lines: LINES })
    .map((line) => ['all', line])
    .updateStateByKey({ uid: 'count', idle: 'skip' }, (of, before: number | undefined) => {
      return (before ?? 0) + of.length
    })
    .toRows('out')
})

/** Refuses writes as LevelDB does: from the first refusal on, until it is opened again. */
class FullStore implements KeyValueStore {
  readonly #store: KeyValueStore
  readonly #isFull: () => boolean
  #wedged = false

  constructor(store: KeyValueStore, isFull: () => boolean) {
    this.#store = store
    this.#isFull = isFull
  }

  async batch(...call: Parameters<KeyValueStore['batch']>): Promise<void> {
    this.#wedged ||= this.#isFull()
    if (this.#wedged) throw new MillraceError('MR_DISK_FULL', 'No space left on device')
    await this.#store.batch(...call)
  }
  get(key: string): Promise<Uint8Array | undefined> {
    return this.#store.get(key)
  }
  entries(...call: Parameters<KeyValueStore['entries']>): ReturnType<KeyValueStore['entries']> {
    return this.#store.entries(...call)
  }
  close(): Promise<void> {
    return this.#store.close()
  }
}

class Disk {
  full = false
  readonly host: Host

  constructor({ fs, host }: Ground) {
    const stores: Stores = {
      open: async (path, options) =>
        new FullStore(await host.stores.open(path, options), () => this.full),
      repair: (path) => host.stores.repair(path),
    }
    const freeBytes = (): Promise<number> => Promise.resolve(this.full ? 0 : 2 ** 40)
    this.host = { ...host, fs: Object.assign(fs, { freeBytes }), stores }
  }
}

describe('a full disk', () => {
  it('pauses receiving and holds commits; when there is room all of it goes on', async () => {
    const ground = new Ground()
    const disk = new Disk(ground)
    const engine = ground.engine(app, { host: disk.host })
    await engine.start()
    await ground.batch(engine, 1000)
    const before = engine.status().lastCommit?.number
    disk.full = true
    for (let n = 0; n < 100; n++) await ground.clock.advance(100)
    const held = engine.status()
    expect(held.phase).toBe('running')
    expect(held.log).toMatchObject({ paused: true, pausedBy: 'disk' })
    expect(held.lastCommit?.number).toBe(before)
    expect(held.inputs[0]?.records).toBeLessThan(LINES)
    disk.full = false
    const counted = async (): Promise<unknown> => {
      const answer = await engine.queryState('count', 'all')
      return answer.kind === 'found' ? answer.value : 0
    }
    while ((await counted()) !== LINES) {
      await ground.clock.advance(500)
      await ground.host.clock.turn()
    }
    expect(engine.status().log.pausedBy).toBeUndefined()
    await engine.stop({ graceful: true, timeoutMs: 1000 })
    expect(engine.phase).toBe('stopped')
  })

  it('does not keep an engine from ending at once', async () => {
    const ground = new Ground()
    const disk = new Disk(ground)
    const engine = ground.engine(app, { host: disk.host })
    await engine.start()
    disk.full = true
    for (let n = 0; n < 30; n++) await ground.clock.advance(100)
    await engine.stop({ graceful: false, timeoutMs: 0 })
    expect(['stopped', 'failed']).toContain(engine.phase)
    disk.full = false
    const again = ground.engine(app, { host: disk.host })
    await again.start()
    await again.stop({ graceful: false, timeoutMs: 0 })
    expect(again.phase).toBe('stopped')
  })
})
