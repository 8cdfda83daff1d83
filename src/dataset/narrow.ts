/**
 * Narrow operators: a partition's chunks through a function, array by array. Each is a generator
 * over chunks, so a chain of them runs fused, stops early when its reader does, and awaits nothing
 * between two records.
 */
import type { Chunk } from './chunk.ts'
import { CHUNK_ROWS_MAX } from './limits.ts'
import { blame, refusePromise } from './place.ts'
import { PlanNode, type Layout } from './plan.ts'
import type { Place } from './runtime.ts'
import { eachRow, rowsOf, valuesChunk } from './text.ts'

export type Step<T, U> = (chunks: Iterable<Chunk<T>>, partition: number) => Iterable<Chunk<U>>

/**
 * What becomes of the rows' keys: any other key; one row or none with the key of each; several; one
 * row a key, whatever there was.
 */
export type KeysAfter = 'lost' | 'kept' | 'repeated' | 'combined'

/** A node that passes each partition of its parent through `step`. */
export function narrow<T, U>(
  parent: PlanNode<T>,
  place: Place,
  step: Step<T, U>,
  keys: KeysAfter = 'lost',
): PlanNode<U> {
  const hashed = parent.layout.hashed && keys !== 'lost'
  const once = keys === 'combined' || (keys === 'kept' && parent.layout.unique)
  const layout: Layout = { ...parent.layout, hashed, unique: hashed && once }
  return new PlanNode<U>({
    scope: parent.scope,
    place,
    parents: [parent],
    layout,
    fused: parent.places,
    open: async (partition) => step(await parent.open(partition), partition),
  })
}

export function mapRows<T, U>(
  parent: PlanNode<T>,
  place: Place,
  f: (x: T) => U,
  keys?: 'lost' | 'kept',
): PlanNode<U> {
  return narrow(parent, place, (chunks) => mapped(chunks, place, f), keys)
}

export function filterRows<T>(
  parent: PlanNode<T>,
  place: Place,
  f: (x: T) => boolean,
): PlanNode<T> {
  return narrow(parent, place, (chunks) => filtered(chunks, place, f), 'kept')
}

export function flatMapRows<T, U>(
  parent: PlanNode<T>,
  place: Place,
  f: (x: T) => Iterable<U>,
  keys?: 'lost' | 'repeated',
): PlanNode<U> {
  return narrow(parent, place, (chunks) => flatMapped(chunks, place, f), keys)
}

/** Once per partition, with all its rows as one iterable. */
export function mapPartitionRows<T, U>(
  parent: PlanNode<T>,
  place: Place,
  f: (rows: Iterable<T>) => Iterable<U>,
): PlanNode<U> {
  // All rows, as the one row of a flatMap.
  return narrow(parent, place, (chunks) => flatMapped([valuesChunk([eachRow(chunks)])], place, f))
}

/** Each partition as one row: the array of its rows. */
export function glomRows<T>(parent: PlanNode<T>, place: Place): PlanNode<readonly T[]> {
  return narrow(parent, place, (chunks) => [valuesChunk([[...eachRow(chunks)]])])
}

function* mapped<T, U>(
  chunks: Iterable<Chunk<T>>,
  place: Place,
  f: (x: T) => U,
): Generator<Chunk<U>, void, undefined> {
  for (const rows of rowsOf(chunks)) {
    const out: U[] = []
    try {
      for (const row of rows) out.push(f(row))
      // A function is async for all rows or for none: the first one tells, for all of a chunk.
      if (out[0] instanceof Promise) for (const made of out) forget(made)
      refusePromise(place, out[0])
    } catch (error) {
      throw blame(place, error)
    }
    yield valuesChunk(out)
  }
}

/** A rejection of what nobody will wait for. */
function forget(made: unknown): void {
  if (made instanceof Promise) made.catch(() => undefined)
}

function* filtered<T>(
  chunks: Iterable<Chunk<T>>,
  place: Place,
  f: (x: T) => boolean,
): Generator<Chunk<T>, void, undefined> {
  for (const rows of rowsOf(chunks)) {
    const out: T[] = []
    try {
      for (const row of rows) {
        const keep = f(row)
        refusePromise(place, keep)
        if (keep) out.push(row)
      }
    } catch (error) {
      throw blame(place, error)
    }
    if (out.length > 0) yield valuesChunk(out)
  }
}

function* flatMapped<T, U>(
  chunks: Iterable<Chunk<T>>,
  place: Place,
  f: (x: T) => Iterable<U>,
): Generator<Chunk<U>, void, undefined> {
  let out: U[] = []
  for (const rows of rowsOf(chunks)) {
    try {
      for (const row of rows) {
        const several = f(row)
        refusePromise(place, several)
        for (const made of several) {
          // One row may become very many: they leave in chunks too.
          if (out.length === CHUNK_ROWS_MAX) {
            yield valuesChunk(out)
            out = []
          }
          out.push(made)
        }
      }
    } catch (error) {
      throw blame(place, error)
    }
  }
  if (out.length > 0) yield valuesChunk(out)
}
