/** Datasets for tests: built the same way on 1, 2 and 3 processes, whose answers must agree. */
import { expect } from 'vitest'
import type { Chunk } from '../../src/dataset/chunk.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import { makeDataset } from '../../src/dataset/make-dataset.ts'
import { PlanNode, spread } from '../../src/dataset/plan.ts'
import type { Scope } from '../../src/dataset/scope.ts'
import { parallelize } from '../../src/dataset/union.ts'
import { localScope, onProcesses, type LocalOptions } from './local-runtime.ts'

export const SIZES = [1, 2, 3] as const

export interface Maker {
  readonly scope: Scope
  /** Rows cut into partitions (default 3). */
  rows<T>(rows: readonly T[], partitions?: number): Dataset<T>
  /** One text chunk a partition. */
  text(...partitions: readonly (string | Uint8Array)[]): Dataset<string>
}

const PLACE = { operator: 'source' }

export function maker(scope: Scope): Maker {
  return {
    scope,
    rows: (rows, partitions = 3) => makeDataset(parallelize(scope, PLACE, rows, partitions)),
    text: (...partitions) =>
      makeDataset(
        new PlanNode<string>({
          scope,
          place: PLACE,
          parents: [],
          layout: spread(scope, partitions.length),
          open: (partition) => [textChunk(partitions[partition] ?? '')],
        }),
      ),
  }
}

export function textChunk(text: string | Uint8Array): Chunk<string> {
  const bytes = Buffer.from(text)
  return { kind: 'text', bytes, count: bytes.filter((byte) => byte === 10).length }
}

/** Runs `f` on each number of processes; all must resolve with the same, which is returned. */
export async function everywhere<R>(
  f: (make: Maker) => Promise<R>,
  options: LocalOptions = {},
): Promise<R> {
  const answers: R[] = []
  for (const size of SIZES) {
    answers.push(...(await onProcesses(size, (runtime) => f(maker(localScope(runtime, options))))))
  }
  const [first, ...others] = answers
  for (const other of others) expect(other).toEqual(first)
  if (first === undefined) throw new Error('no process answered')
  return first
}

/** Rejects on each number of processes; the messages must be the same. */
export async function failure(
  f: (make: Maker) => Promise<unknown>,
  options: LocalOptions = {},
): Promise<Error> {
  const errors: Error[] = []
  for (const size of SIZES) {
    const run = onProcesses(size, (runtime) => f(maker(localScope(runtime, options))))
    errors.push(
      await run.then(
        () => new Error(`nothing failed on ${String(size)} processes`),
        (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
      ),
    )
  }
  const [first, ...others] = errors
  for (const other of others) expect(other.message).toBe(first?.message)
  if (first === undefined) throw new Error('no process failed')
  return first
}
