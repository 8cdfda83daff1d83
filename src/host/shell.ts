/**
 * The side of this process that faces a person or a service manager: arguments, streams, signals,
 * the parent, the end.
 */

export interface Shell {
  readonly arguments: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly workingDirectory: string
  readonly processors: number
  readonly pid: number
  readonly out: Output
  readonly err: Output
  /**
   * SIGTERM and SIGINT, until the returned function is called. Several within half a second are
   * one.
   */
  onSignal(f: (signal: StopSignal) => void): () => void
  /** Exceptions and rejections that nobody handled, until the returned function is called. */
  onUncaught(f: (error: unknown) => void): () => void
  /** The supervising parent, where there is one. */
  readonly supervisor: SupervisorLink | undefined
  /**
   * Runs this command again with other arguments, sharing the streams; it has a process group of
   * its own. `standby` tells it to wait until it is sent a message, and what to hold ready until
   * then.
   */
  spawnSelf(argumentsOfIt: readonly string[], standby?: string): SupervisedChild
  exit(code: number): never
}

export type StopSignal = 'SIGTERM' | 'SIGINT'

/**
 * A stream to whoever reads our output. Writing never waits: a reader that is slow or gone must not
 * stop the server. What does not fit into the bounded queue is dropped and counted.
 */
export interface Output {
  readonly terminal: boolean
  write(text: string): void
  /** Bytes dropped so far. */
  readonly droppedBytes: number
  /** Resolves when everything written before has been taken, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>
}

export interface SupervisorLink {
  readonly pid: number
  /** What the parent gave to `spawnSelf`: this process takes over when it is told to. */
  readonly standby: string | undefined
  send(message: unknown): void
  /** The parent's next message; the wait for it keeps this process alive. */
  heard(): Promise<unknown>
  /** The parent ended; `f` is called at once where it had ended before. */
  onGone(f: () => void): void
}

export interface SupervisedChild {
  readonly pid: number | undefined
  onMessage(f: (message: unknown) => void): void
  send(message: object): void
  signal(signal: StopSignal | 'SIGKILL'): void
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
}
