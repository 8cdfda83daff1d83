/**
 * A dataset: the rows of one batch, in partitions, spread over the processes. Transformations are
 * lazy and describe a new dataset; actions run the plan and resolve with the same answer on every
 * process that calls them.
 *
 * A function given to an operator runs once per row and batch attempt. Rows must be plain data
 * (what structured clone keeps), since a shuffle may take them to another process; whatever is
 * compared or grouped must be a `Key`.
 */
import type { Key, Pair } from '../base/keys.ts'
import type { Grouped } from './cogroup.ts'
import type { PlanNode } from './plan.ts'

export interface Dataset<T> extends ElementOperators<T>, PairOperators, Actions<T> {
  /** Not for programs: what the dataset is made of. */
  readonly node: PlanNode<T>
  /** Number of partitions. */
  readonly partitions: number
}

/** Operators on rows of any kind. */
export interface ElementOperators<T> {
  map<K extends Key, V>(f: (x: T) => Pair<K, V>): Dataset<Pair<K, V>>
  map<U>(f: (x: T) => U): Dataset<U>
  filter(f: (x: T) => boolean): Dataset<T>
  flatMap<K extends Key, V>(f: (x: T) => Iterable<Pair<K, V>>): Dataset<Pair<K, V>>
  flatMap<U>(f: (x: T) => Iterable<U>): Dataset<U>
  /** Once per partition, with all its rows. */
  mapPartitions<K extends Key, V>(
    f: (rows: Iterable<T>) => Iterable<Pair<K, V>>,
  ): Dataset<Pair<K, V>>
  mapPartitions<U>(f: (rows: Iterable<T>) => Iterable<U>): Dataset<U>
  /** Each partition as one array. */
  glom(): Dataset<readonly T[]>
  /** The partitions of both, one after the other; rows that are in both stay twice. */
  union(other: Dataset<T>): Dataset<T>
  /** Each row once. */
  distinct<K extends Key>(this: Dataset<K>, partitions?: number): Dataset<K>
  /** Deals the rows out over `partitions` partitions. */
  repartition(partitions: number): Dataset<T>
  keyBy<K extends Key>(f: (x: T) => K): Dataset<Pair<K, T>>
  /** Default: ascending, as many partitions as before. */
  sortBy<K extends Key>(f: (x: T) => K, ascending?: boolean, partitions?: number): Dataset<T>
}

/**
 * Operators on pairs. `partitions` defaults to those of a side that is cut by key, else to the
 * context's.
 */
export interface PairOperators {
  keys<K extends Key, V>(this: Dataset<Pair<K, V>>): Dataset<K>
  values<K extends Key, V>(this: Dataset<Pair<K, V>>): Dataset<V>
  mapValues<K extends Key, V, W>(this: Dataset<Pair<K, V>>, f: (value: V) => W): Dataset<Pair<K, W>>
  flatMapValues<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    f: (value: V) => Iterable<W>,
  ): Dataset<Pair<K, W>>
  reduceByKey<K extends Key, V>(
    this: Dataset<Pair<K, V>>,
    f: (a: V, b: V) => V,
    partitions?: number,
  ): Dataset<Pair<K, V>>
  groupByKey<K extends Key, V>(
    this: Dataset<Pair<K, V>>,
    partitions?: number,
  ): Dataset<Pair<K, readonly V[]>>
  combineByKey<K extends Key, V, C>(
    this: Dataset<Pair<K, V>>,
    create: (value: V) => C,
    mergeValue: (combined: C, value: V) => C,
    mergeCombiners: (left: C, right: C) => C,
    partitions?: number,
  ): Dataset<Pair<K, C>>
  /**
   * Default: ascending, as many partitions as before. The result is ordered from partition to
   * partition.
   */
  sortByKey<K extends Key, V>(
    this: Dataset<Pair<K, V>>,
    ascending?: boolean,
    partitions?: number,
  ): Dataset<Pair<K, V>>
  cogroup<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    other: Dataset<Pair<K, W>>,
    partitions?: number,
  ): Dataset<Grouped<K, V, W>>
  join<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    other: Dataset<Pair<K, W>>,
    partitions?: number,
  ): Dataset<Pair<K, Pair<V, W>>>
  /** In the outer joins `null` stands for the value that is not there. */
  leftOuterJoin<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    other: Dataset<Pair<K, W>>,
    partitions?: number,
  ): Dataset<Pair<K, Pair<V, W | null>>>
  rightOuterJoin<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    other: Dataset<Pair<K, W>>,
    partitions?: number,
  ): Dataset<Pair<K, Pair<V | null, W>>>
  fullOuterJoin<K extends Key, V, W>(
    this: Dataset<Pair<K, V>>,
    other: Dataset<Pair<K, W>>,
    partitions?: number,
  ): Dataset<Pair<K, Pair<V | null, W | null>>>
}

/** What brings rows to the program is bounded in bytes: `MR_COLLECT_TOO_LARGE`. */
export interface Actions<T> {
  count(): Promise<number>
  /** All rows, partition after partition. */
  collect(): Promise<readonly T[]>
  /** The first `n` rows; looks at no more partitions than it needs. */
  take(n: number): Promise<readonly T[]>
  /** The first row, or undefined when there is none. */
  first(): Promise<T | undefined>
  isEmpty(): Promise<boolean>
  /** All rows taken together, or undefined when there is none. */
  reduce(f: (a: T, b: T) => T): Promise<T | undefined>
  /** Runs `f` for each row where the row is. */
  foreach(f: (x: T) => void): Promise<void>
}
