/**
 * A program takes over a directory: its shape is compared with the committed one, states it dropped
 * by name go, inputs get their numbers in the log. The change is one commit; where nothing changed
 * there is none.
 */
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { equalBytes } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'
import { millis } from '../base/time.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import { compareShapes, refuseDrop, unknownDrop } from '../dstream/compare-shapes.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { EngineOptions } from './engine-options.ts'
import { assignStreams, refuseOrphans } from './inputs.ts'
import {
  decodeProgress,
  decodeShape,
  encodeProgress,
  encodeShape,
  type Progress,
  PROGRESS_KEY,
  SHAPE_KEY,
  stateUidPrefix,
} from './layout.ts'
import { zeroTimeOf } from './schedule.ts'

export interface AdoptionParts {
  readonly shape: GraphShape
  readonly checkpoint: Checkpoint
  readonly blocks: BlockStore
}

/**
 * What the program goes on from. Throws `MR_SHAPE_CHANGED` with the sentences that say what to
 * write.
 */
export async function adoptShape(options: EngineOptions, parts: AdoptionParts): Promise<Progress> {
  const { checkpoint, shape } = parts
  const stored = await checkpoint.get(SHAPE_KEY)
  const known = await checkpoint.get(PROGRESS_KEY)
  if (stored === undefined || known === undefined) {
    checkDrops([], shape, options)
    const zeroTime = zeroTimeOf(options.host.clock.now(), millis(shape.batchMs))
    const fresh = { zeroTime, time: zeroTime, positions: {}, streams: {} }
    const progress = assignStreams(shape, fresh)
    await commitShape(parts, progress, [])
    return progress
  }
  const before = decodeShape(stored)
  checkDrops(before.states, shape, options)
  const dropped = droppedStates(before, shape, options.drop)
  const committed = decodeProgress(known)
  refuseOrphans(shape, parts.blocks.tracker, committed)
  const progress = assignStreams(shape, moveZero(committed, before, shape))
  const unchanged =
    equalBytes(stored, encodeShape(shape)) && equalBytes(known, encodeProgress(progress))
  if (unchanged) return progress
  const deletes: string[] = []
  for (const uid of dropped) {
    for await (const [key] of checkpoint.entries(stateUidPrefix(uid))) deletes.push(key)
  }
  await commitShape(parts, progress, deletes)
  return progress
}

function checkDrops(
  stored: GraphShape['states'],
  now: GraphShape,
  { drop, log }: Pick<EngineOptions, 'drop' | 'log'>,
): void {
  const wrong = refuseDrop(now.states, drop)
  if (wrong !== undefined) throw new MillraceError('MR_CONFIG_INVALID', wrong)
  const unknown = unknownDrop(stored, drop)
  if (unknown !== undefined) log.warn({}, unknown)
}

/** Uids of states that are stored and go with this start. */
function droppedStates(before: GraphShape, now: GraphShape, drop: readonly string[]): string[] {
  const { changes, refusals } = compareShapes(before, now, drop)
  if (refusals.length > 0) {
    throw new MillraceError('MR_SHAPE_CHANGED', refusals.join('\n'), { details: { refusals } })
  }
  return changes.flatMap((change) =>
    change.kind === 'dropped' && change.role === 'state' ? [change.uid] : [],
  )
}

/**
 * After a change of the batch interval the last committed time is the new zero: later times are
 * multiples from there.
 */
function moveZero(progress: Progress, before: GraphShape, now: GraphShape): Progress {
  return before.batchMs === now.batchMs ? progress : { ...progress, zeroTime: progress.time }
}

async function commitShape(
  { shape, checkpoint, blocks }: AdoptionParts,
  progress: Progress,
  deletes: readonly string[],
): Promise<void> {
  await checkpoint.commit({
    time: progress.time,
    epoch: blocks.log.epoch,
    logPosition: blocks.log.durable,
    puts: [
      { key: SHAPE_KEY, value: encodeShape(shape) },
      { key: PROGRESS_KEY, value: encodeProgress(progress) },
    ],
    deletes,
  })
}
