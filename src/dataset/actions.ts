/**
 * Actions: what a dataset tells a program. Each is a collective; the answer is the same on every
 * process. What is brought to a process is bounded (`MR_COLLECT_TOO_LARGE`).
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'
import { encode } from './exchange.ts'
import { describePlace } from './place.ts'
import { drain, type PlanNode } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Scope } from './scope.ts'
import { decodeFrame, type Section } from './shuffle-frame.ts'
import { countOf, rowsOf } from './text.ts'

/** Partitions looked at first by `take`; each further round looks at this many times as many. */
const TAKE_GROWTH = 4

export async function count(node: PlanNode<unknown>, place: Place): Promise<number> {
  if (node.count !== undefined) return await node.count()
  await node.prepare()
  let sum = 0
  for (const partition of node.own) {
    await drain(node, partition, [place], (chunk) => {
      sum += countOf(chunk)
    })
  }
  if (node.scope.size === 1) return sum
  const mine = new ByteWriter(8).varint(sum).finish()
  const all = await node.scope.exchange(place, everyRank(node.scope, mine))
  return all.reduce((total, bytes) => total + new ByteReader(bytes).varint(), 0)
}

/** All rows, by partition, then in their order. */
export async function collect<T>(node: PlanNode<T>, place: Place): Promise<readonly T[]> {
  const all = Array.from({ length: node.layout.partitions }, (_, partition) => partition)
  return (await collectPartitions(node, place, all, Infinity)).flat()
}

/** The first `n` rows, looking at no more partitions than needed. */
export async function take<T>(node: PlanNode<T>, place: Place, n: number): Promise<readonly T[]> {
  const { partitions } = node.layout
  const taken: T[] = []
  let next = 0
  for (let width = 1; next < partitions && taken.length < n; width *= TAKE_GROWTH) {
    const round = Array.from({ length: Math.min(width, partitions - next) }, (_, i) => next + i)
    next += round.length
    const lists = await collectPartitions(node, place, round, n - taken.length)
    for (const row of lists.flat()) if (taken.length < n) taken.push(row)
  }
  return taken
}

/** The first `n` rows of each of `partitions`, in that order. */
async function collectPartitions<T>(
  node: PlanNode<T>,
  place: Place,
  partitions: readonly number[],
  n: number,
): Promise<readonly (readonly T[])[]> {
  await node.prepare()
  const { scope, layout } = node
  const sections: Section<T>[] = []
  for (const source of partitions) {
    if (layout.owner(source) !== scope.rank) continue
    sections.push({ source, target: 0, rows: await partitionRows(node, source, place, n) })
  }
  const mine = encode(sections, place)
  const frames = scope.size === 1 ? [mine] : await scope.exchange(place, everyRank(scope, mine))
  checkSize(scope, place, frames)
  const others = frames.flatMap((frame, rank) => (rank === scope.rank ? [] : decodeFrame<T>(frame)))
  const byPartition = new Map([...others, ...sections].map((s) => [s.source, s.rows]))
  return partitions.map((partition) => byPartition.get(partition) ?? [])
}

/** The first `n` rows of one of this process's partitions. */
export async function partitionRows<T>(
  node: PlanNode<T>,
  partition: number,
  place: Place,
  n = Infinity,
): Promise<readonly T[]> {
  const { scope } = node
  scope.runtime.enter([...node.places, place])
  const taken: T[] = []
  for (const chunk of await node.open(partition)) {
    for (const rows of rowsOf([chunk])) {
      taken.push(...rows.slice(0, n - taken.length))
      if (taken.length >= n) return taken
    }
    await scope.breathe()
  }
  return taken
}

function checkSize(scope: Scope, place: Place, frames: readonly Uint8Array[]): void {
  const bytes = frames.reduce((sum, frame) => sum + frame.length, 0)
  if (bytes > scope.collectBytesMax) throw tooLarge(place, bytes, scope.collectBytesMax)
}

export function tooLarge(place: Place, bytes: number, limit: number): MillraceError {
  return new MillraceError(
    'MR_COLLECT_TOO_LARGE',
    `${describePlace(place)} would bring ${String(bytes)} bytes to one process; the limit is ` +
      `${String(limit)}: take fewer rows, or write them where they are, with foreachPartition`,
    { details: { operator: place.operator, place: place.location, bytes, limit } },
  )
}

const everyRank = (scope: Scope, frame: Uint8Array): readonly Uint8Array[] =>
  Array.from({ length: scope.size }, () => frame)
