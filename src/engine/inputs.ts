/**
 * The program's inputs as the log knows them. In the log a stream goes by a number that its uid was
 * given once and for good; in the program by its place. Direct inputs (those that can be read again
 * by position) get their range here. Uids are the program's: any text, so they are looked up in
 * maps only.
 */
import { present } from '../base/assert.ts'
import { MillraceError } from '../base/errors.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import type { Tracker } from '../blocks/tracker.ts'
import type { GraphShape, InputKind, InputShape } from '../dstream/shape.ts'
import type { Progress } from './layout.ts'
import type { AttemptInput } from '../executor/attempt.ts'

/** Kinds that are read by position: no receiver, nothing in the log but the range of each batch. */
const DIRECT: ReadonlySet<InputKind> = new Set<InputKind>(['queue', 'sequence'])

export const isDirect = (input: InputShape): boolean => DIRECT.has(input.kind)

export interface PlannedRange {
  readonly streamId: number
  readonly from: number
  readonly until: number
}

export interface BatchInputs {
  readonly inputs: readonly AttemptInput[]
  readonly recordsByStream: Readonly<Record<number, number>>
}

/** Gives each input of the program its number in the log: the known ones keep theirs. */
export function assignStreams(shape: GraphShape, progress: Progress): Progress {
  const streams = new Map(Object.entries(progress.streams))
  let next = Math.max(-1, ...streams.values()) + 1
  for (const { uid } of shape.inputs) if (!streams.has(uid)) streams.set(uid, next++)
  return { ...progress, streams: Object.fromEntries(streams) }
}

/**
 * Records that wait in the log, or are held in a batch that was not committed, for an input the
 * program no longer has must not be lost in silence. Throws `MR_SHAPE_CHANGED`.
 */
export function refuseOrphans(shape: GraphShape, tracker: Tracker, progress: Progress): void {
  const known = new Set(shape.inputs.map((input) => input.uid))
  const held = tracker
    .uncommitted()
    .filter(({ time }) => time > progress.time)
    .flatMap(({ ranges, streams }) => [
      ...ranges.map((range) => range.streamId),
      ...streams.flatMap(({ blocks, streamId }) => (blocks.length > 0 ? [streamId] : [])),
    ])
  for (const [uid, logId] of Object.entries(progress.streams)) {
    const waits = tracker.unallocated(logId).length > 0 || held.includes(logId)
    if (known.has(uid) || !waits) continue
    throw new MillraceError(
      'MR_SHAPE_CHANGED',
      `the program no longer has the input '${uid}', but the log holds records of it that no ` +
        `batch has counted: keep the input (same uid) until they are`,
      { details: { uid } },
    )
  }
}

export class Inputs {
  readonly #inputs: readonly InputShape[]
  readonly #blocks: BlockStore
  readonly #streams: ReadonlyMap<string, number>
  /** By uid: where the next range of a direct input begins. */
  readonly #next = new Map<string, number>()

  constructor(shape: GraphShape, blocks: BlockStore, progress: Progress) {
    this.#inputs = shape.inputs
    this.#blocks = blocks
    this.#streams = new Map(Object.entries(progress.streams))
    const positions = new Map(Object.entries(progress.positions))
    for (const input of shape.inputs.filter(isDirect)) {
      const ends = blocks.tracker
        .uncommitted()
        .flatMap((allocation) => allocation.ranges)
        .filter((range) => range.streamId === this.logId(input))
        .map((range) => range.until)
      this.#next.set(input.uid, Math.max(positions.get(input.uid) ?? 0, ...ends))
    }
  }

  logId(input: InputShape): number {
    return present(this.#streams.get(input.uid), `log number of input '${input.uid}'`)
  }

  /** Ranges of the direct inputs for the next batch: one step each. */
  plan(): PlannedRange[] {
    return this.#inputs.filter(isDirect).map((input) => {
      const from = present(this.#next.get(input.uid), 'position of a direct input')
      this.#next.set(input.uid, from + 1)
      return { streamId: this.logId(input), from, until: from + 1 }
    })
  }

  /** What was allocated to the batch at `time`. */
  of(time: number): BatchInputs {
    const allocation = present(this.#blocks.tracker.allocationOf(time), 'an allocation')
    const inputs: AttemptInput[] = []
    const recordsByStream: Record<number, number> = {}
    for (const input of this.#inputs) {
      const { streamId } = input
      const logId = this.logId(input)
      const range = allocation.ranges.find((r) => r.streamId === logId)
      if (range !== undefined) {
        inputs.push({ streamId, kind: 'range', from: range.from, until: range.until })
        recordsByStream[streamId] = range.until - range.from
        continue
      }
      const blocks = allocation.streams.find((s) => s.streamId === logId)?.blocks ?? []
      inputs.push({ streamId, kind: 'blocks', refs: blocks.map((block) => block.ref) })
      recordsByStream[streamId] = blocks.reduce((sum, block) => sum + block.records, 0)
    }
    return { inputs, recordsByStream }
  }

  /** The progress that commit(time) carries. */
  advance(progress: Progress, time: number): Progress {
    const allocation = present(this.#blocks.tracker.allocationOf(time), 'an allocation')
    const positions = new Map(Object.entries(progress.positions))
    for (const input of this.#inputs.filter(isDirect)) {
      const logId = this.logId(input)
      const range = allocation.ranges.find((r) => r.streamId === logId)
      if (range !== undefined) positions.set(input.uid, range.until)
    }
    return { ...progress, time, positions: Object.fromEntries(positions) }
  }
}
