/**
 * What a damaged log can still give. Pure.
 *
 * First choice: damage lies only in segments that nothing needs any more, so they can leave, and
 * nothing is lost. Else a new log is made of what verifies and is still needed.
 *
 * Invariant: no record is counted twice. Where the allocation of a committed batch may be among
 * what is lost, the waiting blocks before it may have been counted: they are left out and handed to
 * a person (`doubtful`). The log hands blocks out oldest first: on that the proof rests.
 */
import { isMillraceError } from '../../base/errors.ts'
import type { BatchAllocation, BatchCleanup, ProducerMark, Snapshot } from '../../blocks/events.ts'
import { Tracker } from '../../blocks/tracker.ts'
import type { Lost, Survey, SurveyedEvent } from './survey.ts'

/** What the checkpoint that is started from says. */
export interface Committed {
  readonly number: number
  readonly digest: Uint8Array
  /** Batches up to it are committed; ms since the epoch. */
  readonly time: number
}

export interface BlockSummary {
  readonly position: number
  readonly streamId: number
  readonly records: number
}

export interface LogRebuild {
  readonly kind: 'rebuild'
  /** What the new log begins with. */
  readonly snapshot: Snapshot
  /** Positions of blocks that go on waiting or belong to a batch that goes on, ascending. */
  readonly keep: readonly number[]
  readonly allocations: readonly BatchAllocation[]
  /** Blocks that may have been counted already, and so are not counted again. */
  readonly doubtful: readonly BlockSummary[]
  /** Batches that will run without blocks they had. */
  readonly shortened: readonly { readonly time: number; readonly blocks: number }[]
}

export type LogPlan = { readonly kind: 'drop'; readonly before: number } | LogRebuild

export function planLog(survey: Survey, committed: Committed | undefined): LogPlan {
  const before = committed === undefined ? undefined : droppable(survey, committed)
  if (before !== undefined) return { kind: 'drop', before }
  return rebuildOf(survey, committed)
}

/** The number of the first segment that the log can begin with, without loss. */
function droppable(survey: Survey, committed: Committed): number | undefined {
  const damageEnds = Math.max(-1, ...survey.lost.map(({ to }) => to))
  for (const { header } of survey.segments.slice(1)) {
    if (header.base < damageEnds) continue
    const events = survey.events.filter(({ ref }) => ref.position >= header.base)
    if (events[0]?.event.kind === 'snapshot' && isWhole(events, committed)) return header.number
  }
  return undefined
}

function isWhole(events: readonly SurveyedEvent[], committed: Committed): boolean {
  try {
    const tracker = new Tracker()
    for (const { event, ref } of events) tracker.apply(event, ref)
    tracker.checkWhole()
    return (tracker.cleanup?.commit ?? 0) <= committed.number
  } catch (error) {
    if (isMillraceError(error, 'MR_LOG_DAMAGED')) return false
    throw error
  }
}

interface Read {
  readonly blocks: Map<number, BlockSummary>
  readonly allocations: (BatchAllocation & { readonly position: number })[]
  readonly producers: Map<string, ProducerMark>
  cleanup: Omit<BatchCleanup, 'kind'> | null
  producersDropped: number
}

/** What the events that verify say, holes or not. */
function readEvents({ events }: Survey): Read {
  const allocations: Read['allocations'] = []
  const read: Read = {
    ...{ blocks: new Map(), allocations, producers: new Map() },
    ...{ cleanup: null, producersDropped: 0 },
  }
  for (const { event, ref } of events) {
    switch (event.kind) {
      case 'addition': {
        const { streamId, records, producer, receivedAt } = event
        const mark = producer && { streamId, ...producer, lastUsed: receivedAt }
        // At or below the mark: sent again after a lost reply, it was stored before.
        if (mark !== undefined && !raise(read.producers, mark)) continue
        read.blocks.set(ref.position, { position: ref.position, streamId, records })
        break
      }
      case 'allocation':
        allocations.push({ ...event, position: ref.position })
        break
      case 'cleanup':
        read.cleanup = event
        break
      case 'snapshot':
        read.cleanup = event.cleanup ?? read.cleanup
        read.producersDropped = event.producersDropped
        for (const mark of event.producers) raise(read.producers, mark)
    }
  }
  return read
}

/**
 * Lost ranges but for those that are one block, which an allocation names whose batch is committed:
 * that block was counted and is needed no more.
 */
export function neededLosses({ lost, events }: Survey, done: number): readonly Lost[] {
  const counted = new Set<number>()
  for (const { event } of events) {
    if (event.kind !== 'allocation' || event.time > done) continue
    for (const position of positionsOf(event)) counted.add(position)
  }
  return lost.filter(({ from, says }) => says === undefined || !counted.has(from))
}

function rebuildOf(read: Survey, committed: Committed | undefined): LogRebuild {
  const survey = { ...read, lost: neededLosses(read, committed?.time ?? 0) }
  const done = committed?.time ?? 0
  const { blocks, allocations, producers, producersDropped, cleanup } = readEvents(survey)
  const open = allocations.filter(({ time }) => time > done)
  const taken = new Set(allocations.flatMap(positionsOf))
  const waiting = [...blocks.values()].filter(({ position }) => !taken.has(position))
  const fates = waiting.map((block) => fateOf(block, survey, allocations, done))
  const going = new Set(waiting.filter((_, i) => fates[i] === 'keep').map((b) => b.position))
  for (const position of open.flatMap(positionsOf)) {
    if (blocks.has(position)) going.add(position)
  }
  const rest = open.map(({ time, ranges, streams }): BatchAllocation => ({
    ...{ kind: 'allocation', time, ranges },
    streams: streams.map(({ streamId, positions }) => ({
      streamId,
      positions: positions.filter((position) => blocks.has(position)),
    })),
  }))
  const shortened = open.map((allocation, i) => ({
    time: allocation.time,
    blocks: positionsOf(allocation).length - rest.slice(i, i + 1).flatMap(positionsOf).length,
  }))
  return {
    kind: 'rebuild',
    snapshot: {
      kind: 'snapshot',
      lastAllocated: done === 0 ? null : done,
      cleanup: trusted(cleanup, committed),
      kept: [],
      unallocated: [],
      producers: [...producers.values()],
      producersDropped,
    },
    keep: [...going].sort((a, b) => a - b),
    allocations: rest.toSorted((a, b) => a.time - b.time),
    doubtful: waiting.filter((_, i) => fates[i] === 'doubtful'),
    shortened: shortened.filter(({ blocks: n }) => n > 0),
  }
}

const positionsOf = ({ streams }: BatchAllocation): readonly number[] =>
  streams.flatMap(({ positions }) => positions)

/** A receipt of a commit that the checkpoint no longer has would refuse the checkpoint. */
function trusted(
  cleanup: Omit<BatchCleanup, 'kind'> | null,
  committed: Committed | undefined,
): Omit<BatchCleanup, 'kind'> | null {
  if (cleanup === null || committed === undefined) return null
  const { time, commit, digest } = cleanup
  if (commit <= committed.number) return { time, commit, digest, keepFrom: time + 1 }
  const { number } = committed
  const at = committed.time
  return { time: at, commit: number, digest: committed.digest, keepFrom: at + 1 }
}

/** False when the producer's mark was there already. */
function raise(marks: Map<string, ProducerMark>, mark: ProducerMark): boolean {
  const key = `${String(mark.streamId)}/${mark.id}`
  const before = marks.get(key)
  if (before !== undefined && before.sequence >= mark.sequence) return false
  marks.delete(key)
  marks.set(key, mark)
  return true
}

/**
 * Of a block that no allocation names that still verifies. 'counted': one that is lost took it, and
 * its batch is committed.
 */
function fateOf(
  { position, streamId }: BlockSummary,
  { lost }: Survey,
  allocations: readonly (BatchAllocation & { readonly position: number })[],
  done: number,
): 'keep' | 'counted' | 'doubtful' {
  const behind = allocations.filter((allocation) => allocation.position > position)
  // Blocks of a stream are handed out in order: one that a later block overtook was taken before.
  const overtaking = behind.find(({ streams }) =>
    streams.some((s) => s.streamId === streamId && s.positions.some((p) => p > position)),
  )
  if (overtaking !== undefined) {
    if (overtaking.time <= done) return 'counted'
    const earlier = allocations.filter(({ time }) => time < overtaking.time).at(-1)
    return earlier !== undefined && earlier.time >= done ? 'keep' : 'doubtful'
  }
  for (const range of lost) {
    if (range.to <= position) continue
    const before = allocations.findLast((allocation) => allocation.position < range.from)
    const after = allocations.find((allocation) => allocation.position >= range.to)
    const first = (before?.time ?? -Infinity) + 1
    const last = Math.min(done, (after?.time ?? Infinity) - 1)
    if (first <= last) return 'doubtful'
  }
  return 'keep'
}
