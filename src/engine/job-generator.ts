/**
 * Decides which batch comes when: one at each multiple of the interval, late ones back to back.
 * When told to end it goes on until no stored record is left uncounted; when told to halt it stops
 * where it is.
 */
import type { Duration } from '../base/time.ts'
import type { Progress } from './layout.ts'
import { CatchUp } from './catch-up.ts'
import { type BatchClock, nextBatch } from './schedule.ts'
import type { Logger } from './settings.ts'

export interface JobGeneratorParts {
  readonly clock: BatchClock
  readonly interval: Duration
  /** A state of idle `call` sees every batch time, also those at which nothing ran. */
  readonly mustRunEmpty: boolean
  readonly log: Logger
  progress(): Progress
  hasUnallocated(): boolean
  run(time: number): Promise<'completed' | 'stopped'>
  /** Stops the sources; resolves when all they held is durable. */
  stopReceivers(): Promise<void>
}

export interface Signals {
  /** Graceful end: no new records. */
  readonly ending: AbortSignal
  /** Immediate end. */
  readonly halting: AbortSignal
}

const PASSED_OVER =
  'empty batches were passed over: their times came while the server was down; nothing is lost'

export class JobGenerator {
  readonly #parts: JobGeneratorParts
  readonly #catchUp: CatchUp

  constructor(parts: JobGeneratorParts) {
    this.#parts = parts
    this.#catchUp = new CatchUp(parts.log)
  }

  /** Empty batches that are due after a downtime or a jump of the clock. */
  get catchUpBatches(): number {
    return this.#catchUp.left
  }

  async run(signals: Signals): Promise<void> {
    const { clock, interval, log, mustRunEmpty } = this.#parts
    const first = this.#parts.progress()
    let maySkip = !mustRunEmpty && first.time > first.zeroTime
    let jumped = mustRunEmpty
    while (!signals.halting.aborted) {
      const { zeroTime, time: last } = this.#parts.progress()
      if (clock.follow()) {
        maySkip = !mustRunEmpty
        jumped = mustRunEmpty
      }
      const due = Math.floor((clock.now() - last) / interval)
      if (jumped) this.#catchUp.begin(due, clock.now())
      else this.#catchUp.look(due, clock.now())
      jumped = false
      const next = nextBatch(last, clock.now(), { interval, zeroTime, maySkip })
      maySkip = false
      if (!(await this.#due(next.time, signals))) return
      if (next.skipped > 0) log.info({ skipped: next.skipped }, PASSED_OVER)
      if ((await this.#parts.run(next.time)) === 'stopped') return
    }
  }

  /**
   * Waits for the batch time; false when the engine ends and the batch would have nothing to count.
   */
  async #due(time: number, { ending, halting }: Signals): Promise<boolean> {
    const { clock } = this.#parts
    while (!halting.aborted) {
      if (ending.aborted) {
        await this.#parts.stopReceivers()
        if (!this.#parts.hasUnallocated()) return false
      }
      if (clock.now() >= time) return true
      const signal = ending.aborted ? halting : ending
      try {
        await clock.sleepUntil(time, signal)
      } catch (error) {
        if (!signal.aborted) throw error
      }
    }
    return false
  }
}
