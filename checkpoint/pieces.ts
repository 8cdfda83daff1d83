/**
 * One state partition of one operator: its table, and the pieces it consists of in the checkpoint:
 * chunks that cover the hash space, each as of some commit, and deltas for what changed since.
 * There is no moment of a full base: at every commit some chunks are rewritten (`rolling.ts` has
 * the rule and its bounds) and deltas all chunks have passed are deleted.
 *
 * Invariants:
 *   - table = for each key: its chunk's value, changed by the deltas above the chunk's `asOf`, in
 *     order
 *   - a delta is kept if and only if some chunk's `asOf` is below its number
 *   - `prepare` changes nothing that `load` or a reader could see; `commit` follows when both
 *     stores are synced
 * A crash leaves the pieces of the last commit that reached the stores; `load` makes the partition
 * from them.
 */
import { assert, present } from '../src/base/assert.ts'
import { hashBytes } from '../src/base/keys.ts'
import { coverProblem, openChunk, type OpenChunk, spanOf } from './chunk.ts'
import { openDelta, type Delta } from './delta.ts'
import { Overlay } from './overlay.ts'
import { chunkName, deltaName, readRecords, stateDamaged } from './piece.ts'
import { asOfHash, floorBytes, rollChunks, type Chunk } from './rolling.ts'
import { StateTable } from './state-table.ts'

/** What one commit changes among the pieces of one (operator, partition). Names are local to it. */
export interface PieceChange {
  readonly puts: readonly { readonly name: string; readonly value: Uint8Array }[]
  readonly deletes: readonly string[]
}

export interface RetainedPieces {
  readonly deltas: number
  readonly deltaBytes: number
  readonly chunks: number
  readonly chunkBytes: number
}

interface KeptDelta {
  readonly number: number
  readonly bytes: number
}

interface Plan {
  readonly overlay: Overlay
  readonly number: number
  readonly cover: readonly Chunk[]
  readonly deltas: readonly KeptDelta[]
  readonly credit: number
}

const EMPTY_CHUNK: Chunk = { depth: 0, prefix: 0, asOf: 0, bytes: 0, stored: false }

export class StatePartition {
  readonly table = new StateTable()
  #cover: readonly Chunk[] = [EMPTY_CHUNK]
  #deltas: readonly KeptDelta[] = []
  #credit = 0
  #newest = 0
  #overlay: Overlay | undefined
  #plan: Plan | undefined

  /** Sizes of the pieces that are in the checkpoint, in bytes. */
  get retained(): RetainedPieces {
    return {
      deltas: this.#deltas.length,
      deltaBytes: sumBytes(this.#deltas),
      chunks: this.#cover.filter((chunk) => chunk.stored).length,
      chunkBytes: sumBytes(this.#cover),
    }
  }

  /**
   * Makes the partition from its pieces, in any order; none means empty. Throws `MR_STATE_DAMAGED`
   * on a bad checksum, a missing chunk or a missing delta; the partition is empty then.
   */
  load(pieces: Iterable<readonly [name: string, value: Uint8Array]>): void {
    this.#reset()
    const chunks: (OpenChunk & { bytes: number })[] = []
    const deltas: (Delta & { bytes: number })[] = []
    for (const [name, value] of pieces) {
      if (name.startsWith('c/')) chunks.push({ ...openChunk(name, value), bytes: value.length })
      else if (name.startsWith('d/'))
        deltas.push({ ...openDelta(name, value), bytes: value.length })
      else throw stateDamaged(name, 'no such kind of piece')
    }
    if (chunks.length === 0 && deltas.length === 0) return
    chunks.sort((a, b) => a.prefix - b.prefix || a.depth - b.depth)
    deltas.sort((a, b) => a.number - b.number)
    const problem = coverProblem(chunks)
    if (problem !== undefined) throw stateDamaged('c/', problem)
    checkChain(chunks, deltas)
    try {
      this.#fill(chunks, deltas)
    } catch (error) {
      this.#reset()
      throw error
    }
  }

  /** A fresh overlay for one batch attempt. An earlier one that was not committed is void. */
  begin(): Overlay {
    this.#plan = undefined
    this.#overlay = new Overlay(this.table)
    return this.#overlay
  }

  /**
   * The pieces that make commit `number` of this overlay durable. May be called again; changes
   * nothing.
   */
  prepare(overlay: Overlay, number: number): PieceChange {
    assert(overlay === this.#overlay, 'only the newest overlay is prepared')
    assert(number > this.#newest, 'commit numbers grow')
    const last = this.#deltas.at(-1)
    if (overlay.changes === 0 && last === undefined) {
      this.#plan = { overlay, number, cover: this.#cover, deltas: [], credit: this.#credit }
      return { puts: [], deletes: [] }
    }
    const changed = overlay.changes === 0 ? 0 : overlay.deltaBytes
    const earned = changed + floorBytes(sumBytes(this.#cover) + changed)
    const { cover, rolled, credit } = rollChunks(
      this.#cover,
      overlay,
      number,
      this.#credit + earned,
    )
    const passed = cover.reduce((least, chunk) => Math.min(least, chunk.asOf), number)
    const deltas = this.#deltas.filter((kept) => kept.number > passed)
    const puts = rolled.map(({ chunk, encoded }) => ({
      name: chunkName(chunk.depth, chunk.prefix),
      value: encoded,
    }))
    // Where every chunk was rewritten, they hold the changes: a delta would be made in vain.
    if (overlay.changes !== 0 && passed < number) {
      const delta = overlay.encodeDelta(number, last?.number ?? 0)
      puts.push({ name: deltaName(number), value: delta })
      deltas.push({ number, bytes: delta.length })
    }
    this.#plan = { overlay, number, cover, deltas, credit }
    return { puts, deletes: this.#goneNames(cover, passed) }
  }

  /** The prepared pieces are durable: merges the overlay, which is spent then. */
  commit(overlay: Overlay, number: number): void {
    const plan = present(this.#plan, 'a prepared commit')
    assert(plan.overlay === overlay, 'what is committed was prepared')
    assert(plan.number === number, 'what is committed was prepared under this number')
    overlay.mergeInto(this.table)
    this.#cover = plan.cover
    this.#deltas = plan.deltas
    this.#credit = plan.credit
    this.#newest = number
    this.#plan = undefined
    this.#overlay = undefined
  }

  #goneNames(cover: readonly Chunk[], passed: number): string[] {
    const staying = new Set(cover.map(({ depth, prefix }) => chunkName(depth, prefix)))
    const chunks = this.#cover
      .filter((chunk) => chunk.stored)
      .map(({ depth, prefix }) => chunkName(depth, prefix))
      .filter((name) => !staying.has(name))
    const deltas = this.#deltas.filter(({ number }) => number <= passed)
    return chunks.concat(deltas.map(({ number }) => deltaName(number)))
  }

  #reset(): void {
    this.table.clear()
    this.#cover = [EMPTY_CHUNK]
    this.#deltas = []
    this.#credit = 0
    this.#newest = 0
    this.#overlay = undefined
    this.#plan = undefined
  }

  #fill(
    chunks: readonly (OpenChunk & { bytes: number })[],
    deltas: readonly (Delta & { bytes: number })[],
  ): void {
    // Room first: a chunk's records come in order of hash.
    this.table.reserve(chunks.reduce((sum, chunk) => sum + chunk.count, 0))
    const cover: Chunk[] = []
    for (const { name, depth, prefix, asOf, bytes, count, records } of chunks) {
      const end = prefix + spanOf(depth)
      readRecords(name, records, count, (key, value) => {
        const hash = hashBytes(key)
        if (value === undefined || hash < prefix || hash >= end) {
          throw stateDamaged(name, 'a record that belongs elsewhere')
        }
        this.table.set(key, hash, value)
      })
      cover.push({ depth, prefix, asOf, bytes, stored: true })
      this.#newest = Math.max(this.#newest, asOf)
    }
    for (const { name, number, count, records } of deltas) {
      readRecords(name, records, count, (key, value) => {
        const hash = hashBytes(key)
        if (asOfHash(cover, hash) >= number) return
        if (value === undefined) this.table.delete(key, hash)
        else this.table.set(key, hash, value)
      })
      this.#newest = Math.max(this.#newest, number)
    }
    this.#cover = cover
    this.#deltas = deltas.map(({ number, bytes }) => ({ number, bytes }))
    this.#credit = debtOf(this.#cover, this.#deltas)
  }
}

const sumBytes = (pieces: readonly { readonly bytes: number }[]): number =>
  pieces.reduce((sum, piece) => sum + piece.bytes, 0)

/**
 * What the newest rewrite may still owe, less what was earned since: a new life pays on where the
 * former one ended. Without it every partition would rewrite a chunk in its first commit.
 */
function debtOf(cover: readonly Chunk[], deltas: readonly KeptDelta[]): number {
  const asOf = cover.reduce((newest, chunk) => Math.max(newest, chunk.asOf), 0)
  const newest = cover.filter((chunk) => chunk.asOf === asOf)
  const overdraft = newest.reduce((most, { bytes }) => Math.max(most, bytes), 0)
  const since = deltas.filter(({ number }) => number > asOf)
  const earned = sumBytes(since) + since.length * floorBytes(sumBytes(cover))
  return Math.min(0, earned - overdraft)
}

/**
 * Each delta names the one before it, so a lost one shows; the ones before the first are those all
 * chunks have passed.
 */
function checkChain(chunks: readonly OpenChunk[], deltas: readonly Delta[]): void {
  const passed = chunks.reduce((least, chunk) => Math.min(least, chunk.asOf), Infinity)
  let before: Delta | undefined
  for (const delta of deltas) {
    const follows =
      before === undefined ? delta.previous <= passed : delta.previous === before.number
    if (!follows) throw stateDamaged(delta.name, `delta ${String(delta.previous)} is missing`)
    before = delta
  }
}
