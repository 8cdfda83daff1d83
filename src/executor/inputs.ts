/**
 * What was allocated to a batch, as partitions to compute on. The cut into partitions depends on
 * the allocation alone: the same batch is cut the same way by every executor, in every attempt,
 * whatever their number.
 */
import { deserialize } from 'node:v8'
import type { RecordReader } from '../../wal/reader.ts'
import type { RecordRef } from '../../wal/record.ts'
import { assert } from '../base/assert.ts'
import { readBlock } from '../blocks/read-block.ts'
import type { Chunk } from '../dataset/chunk.ts'
import type { InputData } from '../dstream/batch.ts'
import type { AttemptInput } from './attempt.ts'

/** A batch of few bytes is not cut into as many partitions as it may be: each costs something. */
const PARTITION_BYTES = 256 * 1024
/** But into these at least, because few bytes may take long to compute on. */
const PARTITIONS_MIN = 4

/** Into how many partitions the blocks of a stream are cut, of at most `partitions`. */
export function partitionsOf(refs: readonly RecordRef[], partitions: number): number {
  const bytes = refs.reduce((sum, ref) => sum + ref.length, 0)
  return Math.min(partitions, Math.max(PARTITIONS_MIN, Math.ceil(bytes / PARTITION_BYTES)))
}

/**
 * Cuts the blocks of a stream into at most `partitions` runs, in order, of about the same number of
 * bytes. No run is empty.
 */
export function cutBlocks(
  refs: readonly RecordRef[],
  partitions: number,
): readonly (readonly RecordRef[])[] {
  const total = refs.reduce((sum, ref) => sum + ref.length, 0)
  const runs: RecordRef[][] = []
  let before = 0
  let current = -1
  for (const ref of refs) {
    // A block goes where its middle lies, so that a run ends as near to its share as blocks allow.
    const middle = before + ref.length / 2
    const share = total === 0 ? 0 : Math.floor((middle / total) * partitions)
    if (share !== current) runs.push([])
    current = share
    runs.at(-1)?.push(ref)
    before += ref.length
  }
  return runs
}

/**
 * Reads the blocks of one attempt, each at most a few times, and counts the records of those it
 * read.
 */
export class InputReader {
  readonly #reader: RecordReader
  readonly #partitions: number
  readonly #records = new Map<number, number>()

  constructor(reader: RecordReader, partitions: number) {
    this.#reader = reader
    this.#partitions = partitions
  }

  /** Records of the blocks read so far. */
  get records(): number {
    let sum = 0
    for (const records of this.#records.values()) sum += records
    return sum
  }

  open(input: AttemptInput): InputData {
    if (input.kind === 'range') return { kind: 'range', from: input.from, until: input.until }
    const runs = cutBlocks(input.refs, partitionsOf(input.refs, this.#partitions))
    return { kind: 'blocks', partitions: runs.map((refs) => () => this.#read(refs)) }
  }

  *#read(refs: readonly RecordRef[]): Iterable<Chunk<unknown>> {
    for (const ref of refs) {
      const { bytes, format, records } = readBlock(this.#reader, ref)
      this.#records.set(ref.position, records)
      if (format === 'text') {
        yield { kind: 'text', bytes, count: records }
      } else {
        const rows: unknown = deserialize(bytes)
        assert(Array.isArray(rows), 'a block of values is a list')
        assert(rows.length === records, 'a block holds as many records as it says')
        yield { kind: 'values', rows }
      }
    }
  }
}
