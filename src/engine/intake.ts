/**
 * The gate in front of the log: why receiving pauses, and when it goes on.
 *
 *   open ──quota reached──► paused (quota) ──batches were cleaned──► open
 *     └────reserve reached─► paused (disk)  ──there is room again───► open
 *
 * Receiving stops before the disk is full, so that what is needed to run batches, commit them and
 * clean up after them still finds room: that is what makes room again. Between pausing and resuming
 * lies a tenth of the limit, so that it does not flutter.
 *
 * Invariant: who passes is counted until it is stored, so the quota is passed by one block at most,
 * however many come at once.
 */
import { messageOf } from '../base/errors.ts'
import type { Host } from '../host/host.ts'
import type { EngineSettings, Logger } from './settings.ts'

export interface IntakeParts {
  readonly host: Pick<Host, 'clock' | 'fs'>
  /** Its file system is watched. */
  readonly directory: string
  readonly settings: Pick<EngineSettings, 'logQuotaBytes' | 'diskReserveBytes'>
  /** Bytes of the log that are still needed. */
  readonly pinnedBytes: () => number
  readonly log: Logger
}

export type PauseReason = 'quota' | 'disk'

const WATCH_MS = 500
const RESUME_SHARE = 0.9

export class Intake {
  readonly #parts: IntakeParts
  #paused: PauseReason | undefined
  #freeBytes: number | undefined
  #watching = false
  #stopWatching: (() => void) | undefined
  #waiting: (() => void)[] = []
  #open = false
  /** Bytes of blocks that have passed and may not be counted in the log yet. */
  #passing = 0

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Looks at the disk now, and every half second until `stop`. */
  async start(): Promise<void> {
    await this.#watch()
    this.#stopWatching = this.#parts.host.clock.every(WATCH_MS, () => {
      void this.#watch()
    })
  }

  /** Everyone may pass from here on: what a source holds at the end is stored. */
  stop(): void {
    this.#stopWatching?.()
    this.#open = true
    this.#resume()
  }

  /** Why receiving pauses; undefined while it does not. Asking may find that it must. */
  get paused(): PauseReason | undefined {
    if (this.#open || this.#paused !== undefined) return this.#paused
    const { log, pinnedBytes, settings } = this.#parts
    const { diskReserveBytes, logQuotaBytes } = settings
    if (pinnedBytes() + this.#passing >= logQuotaBytes) {
      this.#paused = 'quota'
      const details = {
        pinnedBytes: pinnedBytes(),
        passingBytes: this.#passing,
        quotaBytes: logQuotaBytes,
      }
      log.warn(details, 'receiving pauses: the log holds as much as its quota allows')
    } else if ((this.#freeBytes ?? Infinity) < diskReserveBytes) {
      this.#paused = 'disk'
      const details = { freeBytes: this.#freeBytes, reserveBytes: diskReserveBytes }
      log.warn(details, 'receiving pauses: less is free on the disk than is kept in reserve')
    }
    return this.#paused
  }

  /** Resolves when a block may be stored; call what it gives once that is done, or has failed. */
  async pass(bytes: number): Promise<() => void> {
    while (this.paused !== undefined) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
    this.#passing += bytes
    return () => {
      this.#passing -= bytes
      this.onCleaned()
    }
  }

  /** Called when something that counted does so no more. */
  onCleaned(): void {
    const { pinnedBytes, settings } = this.#parts
    if (this.#paused !== 'quota') return
    const bytes = pinnedBytes() + this.#passing
    if (bytes < settings.logQuotaBytes * RESUME_SHARE) this.#resume()
  }

  async #watch(): Promise<void> {
    if (this.#watching || this.#open) return
    this.#watching = true
    const { directory, host, log, settings } = this.#parts
    try {
      this.#freeBytes = await host.fs.freeBytes(directory)
      const enough = this.#freeBytes * RESUME_SHARE >= settings.diskReserveBytes
      if (this.#paused === 'disk' && enough) this.#resume()
    } catch (error) {
      log.warn({}, `free space of ${directory} is unknown: ${messageOf(error)}`)
    } finally {
      this.#watching = false
    }
  }

  #resume(): void {
    if (this.#paused !== undefined) this.#parts.log.info({}, 'receiving goes on: there is room')
    this.#paused = undefined
    const waiting = this.#waiting
    this.#waiting = []
    for (const wake of waiting) wake()
  }
}
