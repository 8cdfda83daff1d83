/** A promise that is settled from outside, and one that is given up after a time. */
import type { Clock } from '../host/host.ts'

export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(reason: Error): void
}

export function deferred<T>(): Deferred<T> {
  let settle: Pick<Deferred<T>, 'resolve' | 'reject'> | undefined
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject }
  })
  return {
    promise,
    resolve(value) {
      settle?.resolve(value)
    },
    reject(reason) {
      settle?.reject(reason)
    },
  }
}

/** Made once: an abort without a reason makes an error with a stack each time. */
const WAIT_OVER = new Error('the wait is over')

/**
 * What `promise` comes to, or `late` when that takes longer than `ms`. Its later outcome is no
 * one's then.
 */
export async function within<T, L>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
  late: L,
): Promise<T | L> {
  const stop = new AbortController()
  const timer = clock.sleep(ms, stop.signal).then(
    () => late,
    () => late,
  )
  try {
    return await Promise.race([promise, timer])
  } finally {
    stop.abort(WAIT_OVER)
  }
}

/** The results of all, or the first error after all have come to an end. */
export async function all<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(promises)
  return await Promise.all(promises)
}
