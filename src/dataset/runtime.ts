/**
 * What a process that computes partitions is given. All executors of a program run the same steps
 * in the same order (single program, multiple data): partition p belongs to the process with `rank
 * === p % size`, and whatever crosses processes is a collective that every one of them enters in
 * the same order.
 */

export interface TaskRuntime {
  readonly collective: Collective
  /** Aborted when the attempt is given up; every wait of the attempt ends by it. */
  readonly signal: AbortSignal
  /**
   * Says which operators run now, so that a hang or a death can be blamed on a place in the user's
   * source.
   */
  enter(places: readonly Place[]): void
  /**
   * Asked between chunks: a promise when the event loop should turn once (to answer a ping), else
   * undefined.
   */
  breathe(): Promise<void> | undefined
}

export interface Collective {
  readonly rank: number
  readonly size: number
  /**
   * Gives `frames[r]` to the process of rank r and resolves with what each gave to this one (index
   * = rank; its own frame comes back as it is). `label` must be equal everywhere, else
   * `MR_COLLECTIVE_MISMATCH`. Rejects when the attempt ends.
   */
  exchange(label: string, frames: readonly Uint8Array[]): Promise<readonly Uint8Array[]>
}

/** A place in the user's program: the operator's name and where it was called. */
export interface Place {
  readonly operator: string
  /** `app.ts:12:5`, or undefined when it could not be told. */
  readonly location?: string
}
