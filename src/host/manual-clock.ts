/**
 * A clock that stands still until a test moves it. Sleepers wake in the order of their times, each
 * after all that its predecessors set off has run, so a loop that sleeps again is woken again
 * within one `advance`.
 */
import { assert } from '../base/assert.ts'
import type { Clock } from './host.ts'
import { nextTurn, reasonOf } from './node-clock.ts'

interface Sleeper {
  /** Time at which it wakes: on the wall clock for `sleepUntil`, else since the start. */
  readonly at: number
  readonly wall: boolean
  wake(): void
}

export class ManualClock implements Clock {
  readonly #sleepers = new Set<Sleeper>()
  #now: number
  #elapsed = 0

  constructor(now = 0) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#elapsed
  }

  /** How many wait: sleepers and repeated calls. */
  get waiting(): number {
    return this.#sleepers.size
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(this.#elapsed + Math.max(ms, 0), false, signal)
  }

  sleepUntil(at: number, signal?: AbortSignal): Promise<void> {
    return at <= this.#now ? Promise.resolve() : this.#sleep(at, true, signal)
  }

  #sleep(at: number, wall: boolean, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal))
        return
      }
      const stopped = (): void => {
        this.#sleepers.delete(sleeper)
        reject(reasonOf(signal))
      }
      const wake = (): void => {
        signal?.removeEventListener('abort', stopped)
        resolve()
      }
      const sleeper = { at, wall, wake }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', stopped, { once: true })
    })
  }

  every(ms: number, f: () => void): () => void {
    assert(ms > 0, 'a repeated call has a period')
    let sleeper: Sleeper | undefined
    const arm = (at: number): void => {
      sleeper = {
        at,
        wall: false,
        wake: () => {
          arm(at + ms)
          f()
        },
      }
      this.#sleepers.add(sleeper)
    }
    arm(this.#elapsed + ms)
    return () => {
      if (sleeper !== undefined) this.#sleepers.delete(sleeper)
      sleeper = undefined
    }
  }

  turn(): Promise<void> {
    return nextTurn()
  }

  /** Moves both clocks forward by `ms`, stopping wherever someone is to be woken. */
  async advance(ms: number): Promise<void> {
    const target = this.#elapsed + ms
    await nextTurn()
    for (let next = this.#next(target); next !== undefined; next = this.#next(target)) {
      this.#step(Math.max(0, this.#dueIn(next)))
      this.#sleepers.delete(next)
      next.wake()
      await nextTurn()
    }
    this.#step(target - this.#elapsed)
  }

  /**
   * Sets the wall clock, forward or back, as an operator would: only those who wait for a
   * wall-clock time notice.
   */
  async setTo(now: number): Promise<void> {
    this.#now = now
    await this.advance(0)
  }

  #step(ms: number): void {
    this.#now += ms
    this.#elapsed += ms
  }

  #dueIn(sleeper: Sleeper): number {
    return sleeper.at - (sleeper.wall ? this.#now : this.#elapsed)
  }

  /** The first to wake until `target`; of equals the one that has waited longer. */
  #next(target: number): Sleeper | undefined {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (this.#dueIn(sleeper) > target - this.#elapsed) continue
      if (first === undefined || this.#dueIn(sleeper) < this.#dueIn(first)) first = sleeper
    }
    return first
  }
}
