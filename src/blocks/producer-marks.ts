/**
 * The highest sequence known of each producer, so that a block sent again after a lost
 * acknowledgement is recognised.
 *
 * Invariants: at most `max` producers are remembered, with bounded ids; the least recently used go
 * first, counted. The order depends on the events alone, so that every replay forgets the same
 * ones.
 */
import type { Producer, ProducerMark } from './events.ts'

export const PRODUCERS_MAX = 100_000
/** Of all their ids, as UTF-16: what a snapshot holds of them must fit into half a segment. */
export const PRODUCER_ID_BYTES_MAX = 4 * 1024 * 1024

export class ProducerMarks {
  readonly #max: number
  /** Least recently used first. */
  readonly #marks = new Map<string, ProducerMark>()
  #dropped = 0
  #idBytes = 0

  constructor(max = PRODUCERS_MAX) {
    this.#max = max
  }

  get size(): number {
    return this.#marks.size
  }

  /** How many were forgotten to stay within the limit. */
  get dropped(): number {
    return this.#dropped
  }

  /** The highest sequence of a producer, or -1. */
  highWater(streamId: number, producerId: string): number {
    return this.#marks.get(keyOf(streamId, producerId))?.sequence ?? -1
  }

  /**
   * Remembers the sequence; false when it is at or below the mark already. Either way the producer
   * was used.
   */
  raise(streamId: number, { id, sequence }: Producer, lastUsed: number): boolean {
    const key = keyOf(streamId, id)
    const before = this.#marks.get(key)?.sequence ?? -1
    if (!this.#marks.delete(key)) this.#idBytes += 2 * key.length
    this.#marks.set(key, { streamId, id, sequence: Math.max(before, sequence), lastUsed })
    this.#dropOldest()
    return sequence > before
  }

  #dropOldest(): void {
    for (const key of this.#marks.keys()) {
      if (this.#marks.size <= this.#max && this.#idBytes <= PRODUCER_ID_BYTES_MAX) return
      this.#marks.delete(key)
      this.#idBytes -= 2 * key.length
      this.#dropped += 1
    }
  }

  /** Least recently used first. */
  list(): readonly ProducerMark[] {
    return [...this.#marks.values()]
  }

  /** Takes over what a snapshot says. */
  restore(marks: readonly ProducerMark[], dropped: number): void {
    this.#marks.clear()
    this.#idBytes = 0
    for (const mark of marks) {
      const key = keyOf(mark.streamId, mark.id)
      this.#marks.set(key, { ...mark })
      this.#idBytes += 2 * key.length
    }
    this.#dropped = dropped
    this.#dropOldest()
  }
}

const keyOf = (streamId: number, producerId: string): string => `${String(streamId)}/${producerId}`
