/**
 * What is done when a write finds no room: it is said, now and once a minute, and tried again every
 * second. Whoever waits here holds up the batches, and with them everything that could lose data.
 */
import { MillraceError } from '../base/errors.ts'
import type { Clock } from '../host/host.ts'
import type { Logger } from './settings.ts'

const RETRY_MS = 1000
const SAY_AGAIN_MS = 60_000

export interface FullDiskParts {
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>
  readonly log: Pick<Logger, 'error'>
  /** Ends the waiting: the write fails then. */
  readonly signal: AbortSignal
}

/**
 * The returned function resolves when the write should be tried again; it rejects with
 * `MR_DISK_FULL` when the signal comes.
 */
export function waitForRoom(parts: FullDiskParts): (error: Error) => Promise<void> {
  const { clock, log, signal } = parts
  let said = -Infinity
  return async (error) => {
    if (clock.monotonic() - said >= SAY_AGAIN_MS) {
      said = clock.monotonic()
      log.error({}, `the disk is full, waiting for room: ${error.message}`)
    }
    try {
      await clock.sleep(RETRY_MS, signal)
    } catch (cause) {
      const message = `the wait for room on the disk was ended: ${error.message}`
      throw new MillraceError('MR_DISK_FULL', message, { cause })
    }
  }
}
