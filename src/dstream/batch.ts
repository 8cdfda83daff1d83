/**
 * What the graph is given to compute one batch, and what comes out: the border between the graph
 * and who runs it.
 */
import type { Chunk } from '../dataset/chunk.ts'
import type { TaskRuntime } from '../dataset/runtime.ts'
import type { OutputShape } from './shape.ts'

export interface BatchEnvironment {
  /** Batch time in ms. */
  readonly time: number
  readonly attempt: number
  readonly runtime: TaskRuntime
  /** What was allocated to this batch for an input. */
  input(streamId: number): InputData
  /**
   * The state of an operator during this attempt; only partitions that belong to this process may
   * be asked for.
   */
  state(uid: string, partition: number): StateView
  /** Opens (once a process) a resource of the program. */
  use(uid: string): Promise<unknown>
  /**
   * How outputs that need disk or network are run, by kind; the graph itself knows print, rows and
   * the foreach ones.
   */
  readonly outputs: Readonly<Partial<Record<OutputShape['kind'], OutputRunner>>>
}

/** Blocks of a receiver stream, cut into partitions, or the range of a direct input. */
export type InputData =
  | { readonly kind: 'blocks'; readonly partitions: readonly (() => Iterable<Chunk<unknown>>)[] }
  | { readonly kind: 'range'; readonly from: number; readonly until: number }

/**
 * One state partition as this attempt sees it: committed values and its own changes. Keys are
 * canonical key bytes.
 */
export interface StateView {
  readonly size: number
  get(key: Uint8Array, hash: number): Uint8Array | undefined
  set(key: Uint8Array, hash: number, value: Uint8Array): void
  delete(key: Uint8Array, hash: number): boolean
  /** Everything; changing the keys it has yielded while it runs is allowed. */
  entries(): Iterable<readonly [key: Uint8Array, value: Uint8Array, hash: number]>
}

export interface OutputRunner {
  (
    output: OutputShape,
    rows: PartitionedRows,
    batch: { time: number; attempt: number },
  ): Promise<readonly StagedPart[]>
}

/** The partitions of an output's dataset that belong to this process, in order. */
export interface PartitionedRows {
  /** Of the whole dataset, over all processes. */
  readonly partitions: number
  readonly own: readonly number[]
  rows(partition: number): Promise<readonly unknown[]>
}

/** A piece of staged output: opaque bytes for the commit, by partition. */
export interface StagedPart {
  readonly partition: number
  readonly payload: Uint8Array
}

export interface OutputResult {
  readonly outputId: number
  readonly parts: readonly StagedPart[]
}
