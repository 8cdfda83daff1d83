/**
 * The highest sequence known of each producer, so that a block sent again after a lost
 * acknowledgement is recognised.
 *
 * Invariants: at most `max` producers are remembered, with bounded ids; the least recently used go
 * first, counted. What is forgotten depends on the events and snapshots in the log alone, so that
 * every replay forgets the same ones at the same places.
 */
import type { Producer, ProducerMark } from './events.ts'

export const PRODUCERS_MAX = 100_000
/** Of all their ids, as UTF-16. */
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
    for (const mark of this.#marks.values()) {
      if (this.#marks.size <= this.#max && this.#idBytes <= PRODUCER_ID_BYTES_MAX) return
      this.#forget(mark)
    }
  }

  /**
   * Forgets the oldest until what `list` gives takes at most `bytes` in a snapshot.
   */
  shrinkTo(bytes: number): void {
    let taken = 0
    for (const mark of this.#marks.values()) taken += bytesOf(mark)
    for (const mark of this.#marks.values()) {
      if (taken <= bytes) return
      taken -= bytesOf(mark)
      this.#forget(mark)
    }
  }

  /** Forgets the oldest until as many are dropped as a snapshot says. */
  dropUntil(dropped: number): void {
    for (const mark of this.#marks.values()) {
      if (this.#dropped >= dropped) return
      this.#forget(mark)
    }
  }

  #forget({ streamId, id }: ProducerMark): void {
    const key = keyOf(streamId, id)
    this.#marks.delete(key)
    this.#idBytes -= 2 * key.length
    this.#dropped += 1
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

/** Most that the integers of a mark and the length of its id take in Avro. */
const MARK_BYTES = 32

const bytesOf = ({ id }: ProducerMark): number => MARK_BYTES + Buffer.byteLength(id)
