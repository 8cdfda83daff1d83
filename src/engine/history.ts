/**
 * The batches that are under way and the last completed ones, bounded, with the running totals;
 * feeds the listeners.
 */
import type { OutputShape } from '../dstream/shape.ts'
import { Batch, type BatchFailure } from './batch.ts'
import type { ListenerBus } from './listener-bus.ts'
import type { BatchStatus, EngineStatus } from './status.ts'

const RETAINED_BATCHES = 1000

export class History {
  readonly #bus: ListenerBus
  readonly #outputs: readonly OutputShape[]
  readonly #now: () => number
  /** Oldest first. */
  #batches: Batch[] = []
  #totals = {
    completedBatches: 0,
    receivedRecords: 0,
    processedRecords: 0,
    retries: 0,
    duplicates: 0,
  }

  constructor(bus: ListenerBus, outputs: readonly OutputShape[], now: () => number) {
    this.#bus = bus
    this.#outputs = outputs
    this.#now = now
  }

  /**
   * A batch counts as submitted when it is due: what it waits for the ones before it is its delay.
   */
  submitted(time: number, recordsByStream: Readonly<Record<number, number>>): Batch {
    const batch = new Batch(time, recordsByStream, Math.min(time, this.#now()), this.#outputs)
    this.#batches.push(batch)
    if (this.#batches.length > RETAINED_BATCHES) this.#batches.shift()
    const info = batch.info()
    this.#bus.post((listener) => listener.onBatchSubmitted?.(info))
    return batch
  }

  attemptStarted(batch: Batch): void {
    batch.startAttempt(this.#now())
    if (batch.attempts > 1) {
      this.#totals.retries += 1
      return
    }
    this.#totals.receivedRecords += batch.records
    const info = batch.info()
    this.#bus.post((listener) => listener.onBatchStarted?.(info))
    for (const output of this.#outputs) {
      const started = batch.outputInfo(output)
      this.#bus.post((listener) => listener.onOutputOperationStarted?.(started))
    }
  }

  attemptFailed(batch: Batch, failure: BatchFailure, next: 'waiting' | 'blocked'): void {
    batch.fail(failure, next)
    if (next === 'waiting') return
    for (const output of this.#outputs) {
      const failed = batch.outputInfo(output)
      this.#bus.post((listener) => listener.onOutputOperationCompleted?.(failed))
    }
  }

  completed(batch: Batch): void {
    batch.complete(this.#now())
    this.#totals.completedBatches += 1
    this.#totals.processedRecords += batch.records
    for (const output of this.#outputs) {
      const done = batch.outputInfo(output)
      this.#bus.post((listener) => listener.onOutputOperationCompleted?.(done))
    }
    const info = batch.info()
    this.#bus.post((listener) => listener.onBatchCompleted?.(info))
  }

  duplicate(): void {
    this.#totals.duplicates += 1
  }

  /** Newest first. */
  batches(): readonly BatchStatus[] {
    return this.#batches.map((batch) => batch.status()).reverse()
  }

  totals(): Omit<EngineStatus['totals'], 'executorRestarts'> {
    return { ...this.#totals }
  }
}
