/**
 * Lets the event loop turn now and then while an attempt computes, so that pings, queries and an
 * abort are served. Asked between chunks; costs one look at the clock.
 */
import type { Clock } from '../host/host.ts'
import { EXECUTOR_LIMITS } from './limits.ts'

export class Breath {
  readonly #clock: Clock
  #last: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#last = clock.monotonic()
  }

  /** A promise to wait for when it is time, else undefined. */
  take(): Promise<void> | undefined {
    if (this.#clock.monotonic() - this.#last < EXECUTOR_LIMITS.breathMs) return undefined
    return this.#turn()
  }

  async #turn(): Promise<void> {
    await this.#clock.turn()
    this.#last = this.#clock.monotonic()
  }
}
