/** What the log says of a start and a stop: one line each. */
import type { Tracker } from '../blocks/tracker.ts'
import type { Progress } from './layout.ts'
import type { Opened } from './recovery.ts'
import type { Logger } from './settings.ts'
import type { BlockedBatch } from './status.ts'

/** What the log holds that no commit has counted: batches that were begun, and records. */
export interface Uncounted {
  /** Times of batches that were allocated and not committed, ascending. */
  readonly batches: readonly number[]
  readonly records: number
}

export function uncountedIn(
  tracker: Tracker,
  { streams, time: committed }: Pick<Progress, 'streams' | 'time'>,
): Uncounted {
  const begun = tracker.uncommitted().filter(({ time }) => time > committed)
  const blocks = [
    ...begun.flatMap((batch) => batch.streams.flatMap((stream) => stream.blocks)),
    ...Object.values(streams).flatMap((id) => tracker.unallocated(id)),
  ]
  return {
    batches: begun.map(({ time }) => time),
    records: blocks.reduce((sum, block) => sum + block.records, 0),
  }
}

/** A directory that was used before. */
export function tellRecovered(log: Logger, opened: Opened): void {
  const { blocks, checkpoint, progress, shape, unfinished } = opened
  if (progress.time === progress.zeroTime && unfinished.length === 0) return
  const { records } = uncountedIn(blocks.tracker, progress)
  const details = {
    commit: checkpoint.root.number,
    batch: progress.time,
    states: shape.states.length,
    waitingRecords: records,
    unfinishedBatches: unfinished.length,
  }
  const at = new Date(progress.time).toISOString()
  log.info(
    details,
    `recovered: commit ${String(checkpoint.root.number)} of batch ${at}, ` +
      `${String(records)} stored records wait to be counted`,
  )
}

export function tellStopped(
  log: Logger,
  { blocks, progress }: Opened,
  lastBatch: number | undefined,
  held: BlockedBatch | undefined,
): void {
  const { streams } = progress
  const { records } = uncountedIn(blocks.tracker, { streams, time: lastBatch ?? progress.time })
  const details = { lastBatch, waitingRecords: records }
  const why = held === undefined ? '' : `batch ${new Date(held.time).toISOString()} is held; `
  const rest = `${why}${String(records)} stored records wait for the next start`
  log.info(details, held === undefined && records === 0 ? 'stopped' : `stopped: ${rest}`)
}
