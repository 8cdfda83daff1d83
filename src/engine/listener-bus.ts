/**
 * Listener events, delivered asynchronously and in order, so that a slow or failing listener never
 * holds a batch up. The queue is bounded: what does not fit is dropped and counted.
 */
import { messageOf } from '../base/errors.ts'

export interface InputInfo {
  readonly streamId: number
  readonly records: number
}

export interface OutputOperationInfo {
  readonly batchTime: number
  readonly id: number
  readonly name: string
  readonly description: string
  readonly startTime?: number
  readonly endTime?: number
  readonly duration?: number
  readonly failureReason?: string
}

/** Times in ms since the epoch, delays in ms; a delay is absent until it is known. */
export interface BatchInfo {
  readonly batchTime: number
  readonly streamIdToInputInfo: Readonly<Record<number, InputInfo>>
  readonly numRecords: number
  readonly submissionTime: number
  readonly processingStartTime?: number
  readonly processingEndTime?: number
  readonly schedulingDelay?: number
  readonly processingDelay?: number
  readonly totalDelay?: number
  readonly outputOperationInfos: Readonly<Record<number, OutputOperationInfo>>
}

export interface ReceiverInfo {
  readonly streamId: number
  readonly name: string
  readonly active: boolean
  readonly lastErrorMessage: string
  /** -1 when there was none. */
  readonly lastErrorTime: number
}

/** Spark's callbacks. Each is optional. A callback that throws is reported and changes nothing. */
export interface StreamingListener {
  onStreamingStarted?(time: number): void
  onReceiverStarted?(receiver: ReceiverInfo): void
  onReceiverError?(receiver: ReceiverInfo): void
  onReceiverStopped?(receiver: ReceiverInfo): void
  onBatchSubmitted?(batch: BatchInfo): void
  onBatchStarted?(batch: BatchInfo): void
  onBatchCompleted?(batch: BatchInfo): void
  onOutputOperationStarted?(output: OutputOperationInfo): void
  onOutputOperationCompleted?(output: OutputOperationInfo): void
}

const QUEUED_EVENTS_MAX = 10_000

export class ListenerBus {
  readonly #listeners = new Set<StreamingListener>()
  readonly #queue: ((listener: StreamingListener) => void)[] = []
  readonly #onError: (message: string) => void
  #delivering: Promise<void> | undefined
  #dropped = 0

  constructor(onError: (message: string) => void) {
    this.#onError = onError
  }

  get dropped(): number {
    return this.#dropped
  }

  add(listener: StreamingListener): void {
    this.#listeners.add(listener)
  }

  remove(listener: StreamingListener): void {
    this.#listeners.delete(listener)
  }

  post(event: (listener: StreamingListener) => void): void {
    if (this.#listeners.size === 0) return
    if (this.#queue.length >= QUEUED_EVENTS_MAX) {
      this.#dropped += 1
      return
    }
    this.#queue.push(event)
    this.#delivering ??= Promise.resolve().then(() => {
      this.#deliver()
    })
  }

  /** Resolves when everything posted so far has been delivered. */
  async drained(): Promise<void> {
    await this.#delivering
  }

  #deliver(): void {
    for (let event = this.#queue.shift(); event; event = this.#queue.shift()) {
      for (const listener of this.#listeners) {
        try {
          event(listener)
        } catch (error) {
          this.#onError(`a streaming listener failed: ${messageOf(error)}`)
        }
      }
    }
    this.#delivering = undefined
  }
}
