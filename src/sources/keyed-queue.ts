/**
 * Runs tasks of one key one after the other, in the order they came; tasks of different keys at the
 * same time.
 */
export class KeyedQueue {
  /** The end of the last task of each key that has any. */
  readonly #tails = new Map<string, Promise<void>>()

  /** Resolves or rejects as `task` does; a failed task does not stop those behind it. */
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const result = this.#after(this.#tails.get(key), task)
    const ended = (): void => undefined
    // Its failure is told to its caller, below.
    const tail = result.then(ended, ended)
    this.#tails.set(key, tail)
    try {
      return await result
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }

  async #after<T>(before: Promise<void> | undefined, task: () => Promise<T>): Promise<T> {
    await before
    return await task()
  }
}
