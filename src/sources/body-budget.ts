/**
 * How many bytes of bodies may be in memory at once. A body is counted from the moment its headers
 * were read, by the length they announce, until both its connection and the work on it are done
 * with it.
 *
 * Invariant: the sum of all reservations is never over `bytesMax`, nor their number over
 * `countMax`.
 */
import { assert } from '../base/assert.ts'

export interface BodyBudgetOptions {
  readonly bytesMax: number
  readonly countMax: number
}

/** Given back when each of its holders has let go once. */
export interface Reservation {
  hold(): void
  release(): void
}

export class BodyBudget {
  readonly #options: BodyBudgetOptions
  #bytes = 0
  #count = 0

  constructor(options: BodyBudgetOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  /** A reservation with one holder, or undefined when there is no room. */
  reserve(bytes: number): Reservation | undefined {
    const { bytesMax, countMax } = this.#options
    if (this.#count >= countMax || this.#bytes + bytes > bytesMax) return undefined
    this.#bytes += bytes
    this.#count++
    let holders = 1
    return {
      hold: () => {
        assert(holders > 0, 'a body is held before it is given back')
        holders++
      },
      release: () => {
        assert(holders > 0, 'a body is given back once')
        holders--
        if (holders > 0) return
        this.#bytes -= bytes
        this.#count--
      },
    }
  }
}
