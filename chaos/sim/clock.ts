/**
 * A clock that the world moves: to the next one who waits, when nothing else can run. The wall
 * clock may be made to jump; who waits for a while does not notice.
 */
import type { Clock } from '../../src/host/host.ts'
import { reasonOf } from '../../src/host/node-clock.ts'

interface Sleeper {
  readonly at: number
  readonly wall: boolean
  wake(): void
}

export class SimClock implements Clock {
  readonly #sleepers = new Set<Sleeper>()
  readonly #turn: () => Promise<void>
  #now: number
  #elapsed = 0

  constructor(now: number, turn: () => Promise<void>) {
    this.#now = now
    this.#turn = turn
  }

  now(): number {
    return this.#now
  }
  monotonic(): number {
    return this.#elapsed
  }
  turn(): Promise<void> {
    return this.#turn()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(this.#elapsed + Math.max(ms, 0), false, signal)
  }
  sleepUntil(at: number, signal?: AbortSignal): Promise<void> {
    return this.#sleep(at, true, signal)
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
    let sleeper: Sleeper | undefined
    const arm = (at: number): void => {
      const wake = (): void => {
        arm(at + ms)
        f()
      }
      sleeper = { at, wall: false, wake }
      this.#sleepers.add(sleeper)
    }
    arm(this.#elapsed + ms)
    return () => {
      if (sleeper !== undefined) this.#sleepers.delete(sleeper)
      sleeper = undefined
    }
  }

  /** Moves to the first who waits and wakes it; false when nobody waits. */
  wakeNext(): boolean {
    let first: Sleeper | undefined
    for (const sleeper of this.#sleepers) {
      if (first === undefined || this.#dueIn(sleeper) < this.#dueIn(first)) first = sleeper
    }
    if (first === undefined) return false
    const ms = Math.max(0, this.#dueIn(first))
    this.#now += ms
    this.#elapsed += ms
    this.#sleepers.delete(first)
    first.wake()
    return true
  }

  /** The wall clock is set, forward or back. */
  jump(ms: number): void {
    this.#now += ms
  }

  #dueIn(sleeper: Sleeper): number {
    return sleeper.at - (sleeper.wall ? this.#now : this.#elapsed)
  }
}
