/**
 * An engine on one inline executor, in memory, with a clock moved by hand: what the scenario tests
 * stand on.
 */
import type { App } from '../../src/dstream/app.ts'
import { Engine } from '../../src/engine/engine.ts'
import type { StreamingListener } from '../../src/engine/listener-bus.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { engineOptions, rowsOf, type Ground } from './engine-run.ts'
import { inlineGround } from './run-inline.ts'

export interface Published {
  /** Batch time in ms. */
  readonly time: number
  readonly rows: readonly unknown[]
}

/** One directory that engines live in one after the other. */
export class EngineKit {
  readonly clock = new ManualClock(0)
  /** What was published, over all lives, in that order. */
  readonly published: Published[] = []
  readonly #ground: Ground

  /** `ephemeral`: without a directory of its own. */
  constructor(app: App<unknown>, options: { readonly ephemeral?: boolean } = {}) {
    const ground = inlineGround(app, {})
    this.#ground = options.ephemeral === true ? { ...ground, directory: undefined } : ground
  }

  /** A new engine on the directory; it has to be started. */
  engine(listener?: StreamingListener): Engine {
    const engine = new Engine({
      ...engineOptions(this.#ground, this.clock),
      onRows: (staged) => {
        this.published.push({ time: staged.time, rows: rowsOf(staged) })
      },
    })
    if (listener !== undefined) engine.addStreamingListener(listener)
    return engine
  }

  /** Moves the clock on by one interval after the other and waits for each batch. */
  async batches(engine: Engine, intervalMs: number, count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      await this.clock.advance(intervalMs)
      await engine.settled(this.clock.now())
    }
  }

  get times(): readonly number[] {
    return this.published.map((batch) => batch.time)
  }
}

/** Ends an engine as a crash of its process would, as far as one process can. */
export async function halt(engine: Engine): Promise<void> {
  await engine.stop({ graceful: false, timeoutMs: 0 })
}
