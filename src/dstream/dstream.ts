/**
 * A stream: one dataset per batch. Operators describe new streams, output operations make batches
 * do something; both are called while the program's body runs and never after.
 *
 * Where a stream has no dataset in a batch (which differs from an empty one), the operators on
 * single streams have none either; those that bring streams together, and count, repartition and
 * transform, fail with `MR_NO_DATASET`.
 */
import type { Codec } from '../base/codec.ts'
import type { Key, Pair } from '../base/keys.ts'
import type { Duration } from '../base/time.ts'
import type { Grouped } from '../dataset/cogroup.ts'
import type { Dataset } from '../dataset/dataset.ts'
import type { Resource } from './resource.ts'
import type { StreamNode } from './stream-node.ts'

export interface BatchContext {
  /** Batch time in ms since the epoch. */
  readonly time: number
  /** Grows with every attempt; never used twice. */
  readonly attempt: number
}

export interface PartitionContext extends BatchContext {
  readonly partition: number
  /**
   * `<application>/<uid>/<time>/<partition>`: the same in every attempt, so a repeated call can be
   * recognised.
   */
  readonly address: string
  /** Aborted when the attempt is given up. */
  readonly signal: AbortSignal
  /** The program's resource, opened once per process. */
  use<R>(resource: Resource<R>): Promise<R>
}

export interface StateOptions<S> {
  /**
   * Names the state across changes of the program. Default: derived, honoured only while the
   * program's shape stays.
   */
  readonly uid?: string
  /** Default: `structured()`. */
  readonly codec?: Codec<S>
  /** States from before the first batch; the first of several of one key counts. */
  readonly initial?: Iterable<Pair<Key, S>>
  /** Partitions of the state, fixed for its life. Default: the context's. */
  readonly partitions?: number
  /**
   * `call` (default): the function sees every key in every batch, and all of them come out. `skip`:
   * only keys that had values.
   */
  readonly idle?: 'call' | 'skip'
}

/**
 * Given the values of a key (in order) and its state, the new state; `undefined` removes the key.
 */
export type UpdateState<V, S> = (
  values: readonly V[],
  previous: S | undefined,
  context: BatchContext,
) => S | undefined

export interface NamedOutput {
  /** Names the output. Default: `<operator>-<n>`. */
  readonly uid?: string
}

export interface DStream<T> extends ElementStreams<T>, PairStreams, Outputs<T> {
  /** Not for programs: the stream's node in the graph. */
  readonly node: StreamNode<T>
}

/** Operators on rows of any kind. */
export interface ElementStreams<T> {
  map<K extends Key, V>(f: (x: T) => Pair<K, V>): DStream<Pair<K, V>>
  map<U>(f: (x: T) => U): DStream<U>
  flatMap<K extends Key, V>(f: (x: T) => Iterable<Pair<K, V>>): DStream<Pair<K, V>>
  flatMap<U>(f: (x: T) => Iterable<U>): DStream<U>
  filter(f: (x: T) => boolean): DStream<T>
  /** Once per partition, with all its rows. */
  mapPartitions<K extends Key, V>(
    f: (rows: Iterable<T>) => Iterable<Pair<K, V>>,
  ): DStream<Pair<K, V>>
  mapPartitions<U>(f: (rows: Iterable<T>) => Iterable<U>): DStream<U>
  /** Each partition as one array. */
  glom(): DStream<readonly T[]>
  repartition(partitions: number): DStream<T>
  keyBy<K extends Key>(f: (x: T) => K): DStream<Pair<K, T>>
  /** One row a batch: the number of rows. */
  count(): DStream<number>
  /** Each row with the number of times it is in the batch. */
  countByValue<K extends Key>(this: DStream<K>, partitions?: number): DStream<Pair<K, number>>
  /** All rows of a batch taken together: one row, or none for an empty batch. */
  reduce(f: (a: T, b: T) => T): DStream<T>
  union(other: DStream<T>): DStream<T>
  /**
   * Any dataset from the batch's. A pure function: it runs on every process, and in every attempt.
   */
  transform<U>(
    f: (dataset: Dataset<T>, context: BatchContext) => Dataset<U> | Promise<Dataset<U>>,
  ): DStream<U>
  transformWith<O, U>(
    other: DStream<O>,
    f: (
      dataset: Dataset<T>,
      other: Dataset<O>,
      context: BatchContext,
    ) => Dataset<U> | Promise<Dataset<U>>,
  ): DStream<U>
  /** Accepted for the sake of ported programs; rows that are wanted twice are kept anyway. */
  persist(): DStream<T>
  cache(): DStream<T>
  /** Accepted and checked (a multiple of the slide): every batch commits its state anyway. */
  checkpoint(interval: Duration): DStream<T>
}

/** Operators on streams of pairs. `partitions` defaults to the context's number. */
export interface PairStreams {
  mapValues<K extends Key, V, W>(this: DStream<Pair<K, V>>, f: (value: V) => W): DStream<Pair<K, W>>
  flatMapValues<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    f: (value: V) => Iterable<W>,
  ): DStream<Pair<K, W>>
  reduceByKey<K extends Key, V>(
    this: DStream<Pair<K, V>>,
    f: (a: V, b: V) => V,
    partitions?: number,
  ): DStream<Pair<K, V>>
  groupByKey<K extends Key, V>(
    this: DStream<Pair<K, V>>,
    partitions?: number,
  ): DStream<Pair<K, readonly V[]>>
  combineByKey<K extends Key, V, C>(
    this: DStream<Pair<K, V>>,
    create: (value: V) => C,
    mergeValue: (combined: C, value: V) => C,
    mergeCombiners: (left: C, right: C) => C,
    partitions?: number,
  ): DStream<Pair<K, C>>
  cogroup<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    other: DStream<Pair<K, W>>,
    partitions?: number,
  ): DStream<Grouped<K, V, W>>
  join<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    other: DStream<Pair<K, W>>,
    partitions?: number,
  ): DStream<Pair<K, Pair<V, W>>>
  /** In the outer joins `null` stands for the value that is not there. */
  leftOuterJoin<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    other: DStream<Pair<K, W>>,
    partitions?: number,
  ): DStream<Pair<K, Pair<V, W | null>>>
  rightOuterJoin<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    other: DStream<Pair<K, W>>,
    partitions?: number,
  ): DStream<Pair<K, Pair<V | null, W>>>
  fullOuterJoin<K extends Key, V, W>(
    this: DStream<Pair<K, V>>,
    other: DStream<Pair<K, W>>,
    partitions?: number,
  ): DStream<Pair<K, Pair<V | null, W | null>>>
  /** A state per key, carried from batch to batch; exactly once. */
  updateStateByKey<K extends Key, V, S>(
    this: DStream<Pair<K, V>>,
    options: StateOptions<S>,
    f: UpdateState<V, S>,
  ): DStream<Pair<K, S>>
  updateStateByKey<K extends Key, V, S>(
    this: DStream<Pair<K, V>>,
    f: UpdateState<V, S>,
  ): DStream<Pair<K, S>>
}

/** Output operations: what makes a batch run. */
export interface Outputs<T> {
  /** Prints the first `n` rows (default 10) of each batch. At least once. */
  print(n?: number, options?: NamedOutput): void
  /** One directory a batch, `<prefix>-<time>[.<suffix>]`, one file a partition. Exactly once. */
  saveAsTextFiles(prefix: string, suffix?: string, options?: NamedOutput): void
  /**
   * Runs on one process; actions on the dataset bring rows there, within a byte limit. At least
   * once.
   */
  foreachRDD(
    f: (dataset: Dataset<T>, context: BatchContext) => Promise<void> | void,
    options?: NamedOutput,
  ): void
  /**
   * Runs for each partition where it is, with an address that repeated attempts share. At least
   * once.
   */
  foreachPartition(
    options: { readonly uid: string },
    f: (rows: Iterable<T>, context: PartitionContext) => Promise<void> | void,
  ): void
  /**
   * The rows themselves in the batch's commit, for whoever reads that (test kits). Exactly once.
   */
  toRows(uid: string): void
}
