/**
 * What was told of a receiver since its last healthy life. A failure is told once, however often it
 * comes; a start is told when there is something to recover from, or nothing was told yet. Bounded:
 * after `TOLD_MAX` different failures the rest of the burst is silent.
 */
const TOLD_MAX = 16

export class Burst {
  readonly #told = new Set<string>()
  #waitsForStart = true

  /** Whether this was told before. */
  failed(message: string): boolean {
    if (this.#told.has(message) || this.#told.size >= TOLD_MAX) return true
    this.#told.add(message)
    this.#waitsForStart = true
    return false
  }

  /** Whether this was told before. */
  started(): boolean {
    const repeated = !this.#waitsForStart
    this.#waitsForStart = false
    return repeated
  }

  /** A life was healthy: what comes is news again. */
  end(): void {
    this.#told.clear()
  }
}
