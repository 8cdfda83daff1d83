/**
 * A dataset's plan: a graph of nodes, each able to open a partition as an iteration over chunks.
 * Narrow nodes pass their parent's chunks through a function, so consecutive ones run fused; wide
 * nodes first `gather`, a collective that every process enters in the same order.
 *
 * Invariants
 * - A partition is opened only by its owner, and only after the node was prepared.
 * - A node whose rows may be wanted twice (two consumers, or a handle in the user's hands during an
 *   action) keeps them for
 *   the batch, so that a function runs once per element even when it is not deterministic.
 * - Layouts depend on the plan alone, never on the number of processes; only owners do.
 */
import { assert } from '../base/assert.ts'
import type { Chunk } from './chunk.ts'
import type { Place } from './runtime.ts'
import type { Scope } from './scope.ts'

/** How many partitions, who owns them, and whether they are cut by the hash of the rows' keys. */
export interface Layout {
  readonly partitions: number
  owner(partition: number): number
  /** True: rows are pairs, and those of key k lie in partition `hashKey(k) % partitions`. */
  readonly hashed: boolean
  /** True: no two rows have the same key. */
  readonly unique: boolean
}

/** The layout of sources, shuffles and states: partition p belongs to rank p % size. */
export function spread(
  scope: Scope,
  partitions: number,
  keys: 'anywhere' | 'hashed' | 'unique' = 'anywhere',
): Layout {
  const hashed = keys !== 'anywhere'
  const owner = (partition: number): number => partition % scope.size
  return { partitions, owner, hashed, unique: keys === 'unique' }
}

export interface PlanOptions<T> {
  readonly scope: Scope
  readonly place: Place
  readonly parents: readonly PlanNode<unknown>[]
  readonly layout: Layout
  /** Operators that run with this one when a partition is opened, first to last. Default: none. */
  readonly fused?: readonly Place[]
  /** The collective step; runs once, after the parents were prepared. */
  readonly gather?: () => Promise<void>
  readonly open: (partition: number) => Promise<Iterable<Chunk<T>>> | Iterable<Chunk<T>>
  /** A shorter way to the number of rows, where there is one. */
  readonly count?: () => Promise<number>
}

export class PlanNode<T> {
  readonly scope: Scope
  readonly place: Place
  readonly layout: Layout
  readonly parents: readonly PlanNode<unknown>[]
  /** Every operator that runs when a partition is opened, this one last. */
  readonly places: readonly Place[]
  readonly count: (() => Promise<number>) | undefined
  readonly #gather: (() => Promise<void>) | undefined
  readonly #open: PlanOptions<T>['open']
  readonly #kept = new Map<number, Promise<readonly Chunk<T>[]>>()
  #prepared: Promise<void> | undefined
  #uses = 0
  #expected = 0
  #exposed = false

  constructor(options: PlanOptions<T>) {
    this.scope = options.scope
    this.place = options.place
    this.layout = options.layout
    this.parents = options.parents
    this.places = [...(options.fused ?? []), options.place]
    this.count = options.count
    this.#gather = options.gather
    this.#open = options.open
    for (const parent of options.parents) {
      assert(parent.scope === options.scope, 'a plan lies in one scope')
      parent.use()
    }
  }

  /** One more consumer. */
  use(): void {
    this.#uses += 1
  }

  /** Consumers that are known to come, whether they have been planned yet or not. */
  expect(consumers: number): void {
    this.#expected += consumers
  }

  /** The user's program holds a handle and may use the node again. */
  expose(): void {
    this.#exposed = true
  }

  /** The partitions of this process, in order. */
  get own(): readonly number[] {
    const { layout, scope } = this
    const all = Array.from({ length: layout.partitions }, (_, partition) => partition)
    return all.filter((partition) => layout.owner(partition) === scope.rank)
  }

  /** Makes partitions openable. Collective where this node or one above it is wide. */
  prepare(): Promise<void> {
    this.#prepared ??= this.#prepareOnce()
    return this.#prepared
  }

  /** The chunks of one of this process's partitions; text stays text. */
  async open(partition: number): Promise<Iterable<Chunk<T>>> {
    const kept = this.#kept.get(partition)
    if (kept !== undefined) return await kept
    if (!this.#keeps) return await this.#open(partition)
    const rows = this.#keep(partition)
    this.#kept.set(partition, rows)
    return await rows
  }

  get #keeps(): boolean {
    if (this.#uses > 1 || this.#expected > 1) return true
    return this.#exposed && this.scope.acting
  }

  async #keep(partition: number): Promise<readonly Chunk<T>[]> {
    const chunks: Chunk<T>[] = []
    for (const chunk of await this.#open(partition)) {
      chunks.push(chunk)
      await this.scope.breathe()
    }
    return chunks
  }

  async #prepareOnce(): Promise<void> {
    for (const parent of this.parents) await parent.prepare()
    await this.#gather?.()
  }
}

/**
 * Runs one own partition of a prepared node through `sink`, chunk by chunk. `next` are the
 * operators `sink` runs.
 */
export async function drain<T>(
  node: PlanNode<T>,
  partition: number,
  next: readonly Place[],
  sink: (chunk: Chunk<T>) => void,
): Promise<void> {
  const { scope } = node
  scope.runtime.enter([...node.places, ...next])
  for (const chunk of await node.open(partition)) {
    sink(chunk)
    await scope.breathe()
  }
}
