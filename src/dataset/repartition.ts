/** Shuffles that do not combine: rows dealt out evenly, or many partitions brought into one. */
import { exchangeSections, type Received } from './exchange.ts'
import { narrow } from './narrow.ts'
import { checkPartitions } from './pair.ts'
import { blame } from './place.ts'
import { drain, PlanNode, spread } from './plan.ts'
import type { Place } from './runtime.ts'
import type { Section } from './shuffle-frame.ts'
import { chunksOf, countOf, eachRow, rowsOf, valuesChunk } from './text.ts'

/** Row i of source partition s goes to partition (s + i) % partitions. */
export function repartition<T>(parent: PlanNode<T>, place: Place, partitions: number): PlanNode<T> {
  const { scope } = parent
  const layout = spread(scope, checkPartitions(partitions, place))
  let received: Received<T> = new Map()
  return new PlanNode<T>({
    scope,
    place,
    parents: [parent],
    layout,
    gather: async () => {
      const sections: Section<T>[] = []
      for (const source of parent.own) {
        const buckets: T[][] = Array.from({ length: partitions }, () => [])
        let next = source
        await drain(parent, source, [place], (chunk) => {
          for (const rows of rowsOf([chunk])) {
            for (const row of rows) {
              buckets[next % partitions]?.push(row)
              next += 1
            }
          }
        })
        sections.push(...buckets.map((rows, target) => ({ source, target, rows })))
      }
      received = await exchangeSections(scope, place, layout, sections)
    },
    open: (partition) => chunksOf((received.get(partition) ?? []).flat()),
  })
}

/** One partition of one number: how many rows there are. Text is not decoded for it. */
export function countRows(parent: PlanNode<unknown>, place: Place): PlanNode<number> {
  const counts = narrow<unknown, number>(parent, place, (chunks) => {
    let count = 0
    for (const chunk of chunks) count += countOf(chunk)
    return [valuesChunk([count])]
  })
  return narrow(repartition(counts, place, 1), place, (chunks) => {
    let sum = 0
    for (const count of eachRow(chunks)) sum += count
    return [valuesChunk([sum])]
  })
}

/** One partition with at most one row: all rows taken together, none where there are none. */
export function reduceRows<T>(
  parent: PlanNode<T>,
  place: Place,
  f: (a: T, b: T) => T,
): PlanNode<T> {
  const fold = (node: PlanNode<T>): PlanNode<T> =>
    narrow(node, place, (chunks) => [valuesChunk(folded(eachRow(chunks), place, f))])
  return fold(repartition(fold(parent), place, 1))
}

function folded<T>(rows: Iterable<T>, place: Place, f: (a: T, b: T) => T): readonly T[] {
  let result: [T] | undefined
  try {
    for (const row of rows) {
      if (result === undefined) result = [row]
      else result[0] = f(result[0], row)
    }
  } catch (error) {
    throw blame(place, error)
  }
  return result ?? []
}
