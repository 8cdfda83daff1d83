/**
 * Says how far batches lie behind the clock after a downtime or a jump of the clock, where each of
 * them has to be run though nothing came in: it looks like standing still otherwise.
 */
import type { Logger } from './settings.ts'

/** Fewer are run before anybody asks. */
const WORTH_SAYING = 10
const FIRST_ESTIMATE_MS = 2000
const SAY_AGAIN_MS = 30_000

export class CatchUp {
  readonly #log: Logger
  #begun: { readonly at: number; readonly left: number } | undefined
  #left = 0
  #sayAt = 0

  constructor(log: Logger) {
    this.#log = log
  }

  /** Batches that are due and not run yet; 0 once the clock was reached. */
  get left(): number {
    return this.#begun === undefined ? 0 : this.#left
  }

  /** So many batches are due at once, at `now` on a clock that does not go back. */
  begin(left: number, now: number): void {
    if (left < WORTH_SAYING) return
    this.#begun = { at: now, left }
    this.#left = left
    this.#sayAt = now + FIRST_ESTIMATE_MS
    this.#log.warn(
      { batches: left },
      `${String(left)} empty batches to catch up: a state of idle 'call' sees every batch time, ` +
        'also those at which nothing ran',
    )
  }

  /** So many are left. */
  look(left: number, now: number): void {
    const begun = this.#begun
    if (begun === undefined) return
    this.#left = left
    if (left <= 1) {
      this.#begun = undefined
      const seconds = Math.round((now - begun.at) / 1000)
      this.#log.info({ batches: begun.left, seconds }, 'the batches have caught up with the clock')
      return
    }
    if (now < this.#sayAt) return
    this.#sayAt = now + SAY_AGAIN_MS
    const perSecond = ((begun.left - left) * 1000) / (now - begun.at)
    if (perSecond <= 0) return
    const seconds = Math.ceil(left / perSecond)
    const rate = `about ${String(seconds)} s at ${perSecond.toFixed(1)} a second`
    this.#log.info({ batches: left, seconds }, `${String(left)} batches to catch up, ${rate}`)
  }
}
