/**
 * What the datasets of one batch on one process share: the runtime, the defaults, and the one order
 * in which work that crosses processes is begun. Every process runs the same evaluations in the
 * same order; the sequence number in a collective's label makes a process that does not stand out
 * at once.
 */
import { MillraceError } from '../base/errors.ts'
import { describePlace } from './place.ts'
import type { Place, TaskRuntime } from './runtime.ts'

export interface ScopeOptions {
  readonly runtime: TaskRuntime
  /** Partitions of shuffles that name no number. */
  readonly partitions: number
  /** Most bytes one action may bring to one process. */
  readonly collectBytesMax: number
}

export class Scope {
  readonly runtime: TaskRuntime
  readonly partitions: number
  readonly collectBytesMax: number
  #acting = false
  #exchanges = 0
  #tail: Promise<unknown> = Promise.resolve()

  constructor(options: ScopeOptions) {
    this.runtime = options.runtime
    this.partitions = options.partitions
    this.collectBytesMax = options.collectBytesMax
  }

  get rank(): number {
    return this.runtime.collective.rank
  }

  get size(): number {
    return this.runtime.collective.size
  }

  /**
   * True while an action called by the user's program runs: he holds the datasets it passes through
   * and may use them again, so their rows are kept.
   */
  get acting(): boolean {
    return this.#acting
  }

  /** Runs an action of the user's program, after everything begun before. */
  act<R>(f: () => Promise<R>): Promise<R> {
    return this.#queue(true, f)
  }

  /** Runs the evaluation of an output, after everything begun before. */
  evaluate<R>(f: () => Promise<R>): Promise<R> {
    return this.#queue(false, f)
  }

  /**
   * Gives `frames[r]` to rank r; every process must call it at the same point. Not called when
   * there is one only.
   */
  exchange(place: Place, frames: readonly Uint8Array[]): Promise<readonly Uint8Array[]> {
    this.#exchanges += 1
    const label = `#${String(this.#exchanges)} ${describePlace(place)}`
    return this.runtime.collective.exchange(label, frames)
  }

  /** Between two chunks: lets the event loop turn when it should, and ends with the attempt. */
  async breathe(): Promise<void> {
    const pause = this.runtime.breathe()
    if (pause !== undefined) await pause
    this.throwIfAborted()
  }

  throwIfAborted(): void {
    const { signal } = this.runtime
    if (!signal.aborted) return
    throw new MillraceError('MR_ATTEMPT_ABORTED', 'the attempt was given up', {
      cause: signal.reason,
    })
  }

  #queue<R>(acting: boolean, f: () => Promise<R>): Promise<R> {
    const run = async (): Promise<R> => {
      this.#acting = acting
      return await f()
    }
    const result = this.#tail.then(run, run)
    // The tail only keeps the order; whoever asked for the result sees its error.
    this.#tail = result
    return result
  }
}
