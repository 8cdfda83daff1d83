/**
 * The machine's clock and timers. Every timer ends with its promise, its signal or its returned
 * function.
 */
import type { Clock } from './host.ts'

/**
 * Timers run on a clock that does not jump: a wait for a wall-clock time looks again this often, in
 * milliseconds.
 */
const LOOK_AGAIN_MS = 1000
const TIMER_MS_MAX = 2 ** 31 - 1

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = (): void => {
      clearTimeout(handle)
      reject(reasonOf(signal))
    }
    const handle = setTimeout(
      () => {
        signal?.removeEventListener('abort', stopped)
        resolve()
      },
      Math.min(Math.max(ms, 0), TIMER_MS_MAX),
    )
    if (signal?.aborted === true) stopped()
    else signal?.addEventListener('abort', stopped, { once: true })
  })
}

/** What an aborted wait rejects with. */
export function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason })
}

/** Resolves in the next turn of the event loop, when other events have been served. */
export const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    const until = performance.now() + ms
    do await timer(until - performance.now(), signal)
    while (performance.now() < until)
  },
  async sleepUntil(at, signal) {
    do await timer(Math.min(at - Date.now(), LOOK_AGAIN_MS), signal)
    while (Date.now() < at)
  },
  every(ms, f) {
    const handle = setInterval(f, ms)
    handle.unref()
    return () => {
      clearInterval(handle)
    }
  },
  turn: nextTurn,
}
