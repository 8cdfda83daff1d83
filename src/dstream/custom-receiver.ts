/**
 * What a program implements to receive from a source of its own. It runs in a process of its own,
 * never in the server.
 */

export interface Receiver<T> {
  /** Begins receiving. What it starts must end when `context.signal` is aborted. */
  onStart(context: ReceiverContext<T>): void | Promise<void>
  /** Called once after the signal was aborted. */
  onStop?(): void | Promise<void>
}

export interface ReceiverContext<T> {
  /**
   * Resolves when all of `records` are durable: only then may the source be told so. Waits under
   * pressure.
   */
  store(records: Iterable<T>): Promise<void>
  /** Aborted when the receiver has to stop. */
  readonly signal: AbortSignal
  /** Tells of an error without stopping. */
  reportError(message: string, cause?: unknown): void
  /** Stops this receiver and starts it again after a pause. */
  restart(message: string): void
}
