/** Waits with an end: every wait of a run has one. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Rejects with a sentence that begins with `what` when `work` is not done within `ms`. */
export async function limited<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what}: not within ${String(ms / 1000)} s`)
  })
  // When the work is done first, the timer is let go and rejects with nobody waiting for it.
  late.catch(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
  }
}
