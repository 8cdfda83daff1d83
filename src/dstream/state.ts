/**
 * `updateStateByKey`: a state per key. Values stay encoded in the state's partitions; each touched
 * key is decoded fresh, handed to the program, and encoded again, so a change in place cannot leak
 * into what was committed.
 *
 * A partition that has seen a dataset holds one reserved entry. By it the initial state is laid
 * down exactly once (recovery finds the entry, not the options), and a batch without a dataset is
 * told from one before the first.
 */
import { assert } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import { decodeValue, encodeValue, structured, type Codec } from '../base/codec.ts'
import { decodeKey, encodeKey, hashBytes, partitionOf, type Key, type Pair } from '../base/keys.ts'
import { combineByKey, grouper } from '../dataset/combine.ts'
import { CHUNK_ROWS_MAX } from '../dataset/limits.ts'
import { checkPartitions } from '../dataset/pair.ts'
import { blame, refusePromise } from '../dataset/place.ts'
import { drain, PlanNode, spread } from '../dataset/plan.ts'
import type { Place } from '../dataset/runtime.ts'
import type { Scope } from '../dataset/scope.ts'
import { chunksOf, rowsOf } from '../dataset/text.ts'
import type { StateView } from './batch.ts'
import type { BatchContext, StateOptions, UpdateState } from './dstream.ts'
import { checkCodec, checkIdle, checkOptions } from './options.ts'
import type { StateShape } from './shape.ts'
import type { Batch } from './current-batch.ts'
import { StreamNode } from './stream-node.ts'

/** Key of the reserved entry. No canonical key begins with a zero byte. */
export const BEGUN_KEY = Uint8Array.of(0)
export const BEGUN_HASH = hashBytes(BEGUN_KEY)
const BEGUN_VALUE = Uint8Array.of(1)

interface InitialEntry {
  readonly key: Uint8Array
  readonly hash: number
  readonly value: Uint8Array
}

interface Operator<V, S> {
  readonly shape: StateShape
  readonly place: Place
  readonly codec: Codec<S>
  readonly initial: readonly InitialEntry[]
  readonly f: UpdateState<V, S>
}

/** Whether a stored entry is the partition's own and no key of the program. */
const isReservedKey = (key: Uint8Array): boolean => key[0] === 0

export function updateState<K extends Key, V, S>(
  parent: StreamNode<Pair<K, V>>,
  place: Place,
  options: StateOptions<S>,
  f: UpdateState<V, S>,
): StreamNode<Pair<K, S>> {
  const { graph } = parent
  checkOptions('updateStateByKey', options, place)
  const partitions = checkPartitions(options.partitions ?? graph.settings.partitions, place)
  const codec = checkCodec(options.codec ?? structured<S>(), place)
  const idle = checkIdle(options.idle, place)
  const node = new StreamNode<Pair<K, S>>({
    graph,
    kind: place.operator,
    place,
    parents: [parent],
    slide: parent.slide,
    compute: async (batch) => {
      const operator = { shape, place, codec, initial, f }
      const dataset = await parent.datasetOf(batch)
      const plan =
        dataset === undefined
          ? await withoutDataset<K, V, S>(batch, operator)
          : updated(batch, operator, combineByKey(dataset, place, grouper<V>(), partitions))
      if (plan !== undefined) batch.eager.push(plan)
      return plan
    },
  })
  const state = { partitions, codecVersion: codec.version, idle }
  const shape = graph.addState({ ...state, node: node.id, place }, options.uid)
  graph.codecs.set(shape.uid, codec)
  const initial = encodeInitial(options.initial ?? [], codec, place)
  return node
}

/** A batch without values: every key is idle, or there is no state yet and so nothing at all. */
async function withoutDataset<K extends Key, V, S>(
  batch: Batch,
  operator: Operator<V, S>,
): Promise<PlanNode<Pair<K, S>> | undefined> {
  if (!(await hasBegun(batch, operator))) return undefined
  const { partitions } = operator.shape
  const nothing = new PlanNode<Pair<K, V[]>>({
    scope: batch.scope,
    place: operator.place,
    parents: [],
    layout: spread(batch.scope, partitions, 'unique'),
    open: () => [],
  })
  return updated(batch, operator, nothing)
}

/** A collective: the owner of partition 0 knows, and tells the others. */
async function hasBegun(
  batch: Batch,
  { shape, place }: { readonly shape: StateShape; readonly place: Place },
): Promise<boolean> {
  const { scope, environment } = batch
  const owner = spread(scope, shape.partitions).owner(0)
  const mine =
    scope.rank === owner && environment.state(shape.uid, 0).get(BEGUN_KEY, BEGUN_HASH) !== undefined
  if (scope.size === 1) return mine
  const frame = Uint8Array.of(mine ? 1 : 0)
  const all = await scope.exchange(
    place,
    Array.from({ length: scope.size }, () => frame),
  )
  return all[owner]?.[0] === 1
}

/** The state's dataset of the batch; it is updated when the plan is prepared, once. */
function updated<K extends Key, V, S>(
  batch: Batch,
  operator: Operator<V, S>,
  grouped: PlanNode<Pair<K, readonly V[]>>,
): PlanNode<Pair<K, S>> {
  const { environment, scope } = batch
  const { shape, place } = operator
  const { time, attempt } = environment
  assert(grouped.layout.hashed, 'values of a state are cut by key')
  assert(grouped.layout.partitions === shape.partitions, 'values are cut as the state is')
  const rows = new Map<number, readonly Pair<K, S>[]>()
  return new PlanNode<Pair<K, S>>({
    scope,
    place,
    parents: [grouped],
    layout: grouped.layout,
    gather: async () => {
      for (const partition of grouped.own) {
        const update = new PartitionUpdate<K, V, S>(
          operator,
          environment.state(shape.uid, partition),
          { time, attempt },
        )
        update.begin(partition)
        await drain(grouped, partition, [place], (chunk) => {
          for (const part of rowsOf([chunk])) update.touch(part)
        })
        rows.set(partition, await update.finish(scope))
      }
    },
    open: (partition) => chunksOf(rows.get(partition) ?? []),
  })
}

/** One partition's state in one batch. */
class PartitionUpdate<K extends Key, V, S> {
  readonly #operator: Operator<V, S>
  readonly #view: StateView
  readonly #context: BatchContext
  readonly #touched = new Set<string>()
  readonly #rows: Pair<K, S>[] = []

  constructor(operator: Operator<V, S>, view: StateView, context: BatchContext) {
    this.#operator = operator
    this.#view = view
    this.#context = context
  }

  /** The first dataset this partition ever sees brings the initial state. */
  begin(partition: number): void {
    const view = this.#view
    if (view.get(BEGUN_KEY, BEGUN_HASH) !== undefined) return
    view.set(BEGUN_KEY, BEGUN_HASH, BEGUN_VALUE)
    const { initial, shape } = this.#operator
    for (const { key, hash, value } of initial) {
      if (partitionOf(hash, shape.partitions) === partition) view.set(key, hash, value)
    }
  }

  touch(rows: readonly Pair<K, readonly V[]>[]): void {
    const { shape, place } = this.#operator
    const remember = shape.idle === 'call'
    try {
      for (const [key, values] of rows) {
        const bytes = encodeKey(key)
        if (remember) this.#touched.add(textOf(bytes))
        const hash = hashBytes(bytes)
        this.#update(key, bytes, hash, values, this.#view.get(bytes, hash))
      }
    } catch (error) {
      throw blame(place, error)
    }
  }

  /**
   * Calls the function for the idle keys, if it wants them, and gives back all rows of the
   * partition.
   */
  async finish(scope: Scope): Promise<readonly Pair<K, S>[]> {
    const { shape, place } = this.#operator
    if (shape.idle === 'skip') return this.#rows
    let visited = 0
    for (const [bytes, stored, hash] of this.#view.entries()) {
      visited += 1
      if (visited % CHUNK_ROWS_MAX === 0) await scope.breathe()
      if (isReservedKey(bytes) || this.#touched.has(textOf(bytes))) continue
      // A view into the table is no argument for changing the table.
      const own = bytes.slice()
      try {
        this.#update(decodedKey<K>(own), own, hash, [], stored)
      } catch (error) {
        throw blame(place, error)
      }
    }
    return this.#rows
  }

  #update(
    key: K,
    bytes: Uint8Array,
    hash: number,
    values: readonly V[],
    stored: Uint8Array | undefined,
  ): void {
    const { codec, f, place } = this.#operator
    const previous = stored === undefined ? undefined : decodeValue(codec, stored)
    const next = f(values, previous, this.#context)
    refusePromise(place, next)
    if (next === undefined) {
      if (stored !== undefined) this.#view.delete(bytes, hash)
      return
    }
    const value = encodeValue(codec, next)
    // `stored` is a view that is good until the first change; unchanged values are not written
    // again.
    if (stored === undefined || !equalBytes(stored, value)) this.#view.set(bytes, hash, value)
    this.#rows.push([key, next])
  }
}

const textOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')

/** The keys of a state are those of the stream it was made from. */
function decodedKey<K extends Key>(bytes: Uint8Array): K {
  return decodeKey(bytes) as K
}

/**
 * Encoded while the program is built, so that a bad key or value is a mistake at its place. First
 * of several wins.
 */
function encodeInitial<S>(
  pairs: Iterable<Pair<Key, S>>,
  codec: Codec<S>,
  place: Place,
): readonly InitialEntry[] {
  const entries = new Map<string, InitialEntry>()
  try {
    for (const [key, state] of pairs) {
      const bytes = encodeKey(key)
      const id = textOf(bytes)
      if (entries.has(id)) continue
      const value = encodeValue(codec, state)
      entries.set(id, { key: bytes, hash: hashBytes(bytes), value: value.slice() })
    }
  } catch (error) {
    throw blame(place, error)
  }
  return [...entries.values()]
}
