/** A repair's plan in words and as JSON. Pure. */
import type { RepairPlan } from '../engine/repair/plan.ts'
import { receiptOf } from '../engine/repair/plan.ts'
import type { Lost } from '../engine/repair/survey.ts'

export interface PlanWords {
  /** What would be done, a sentence each. */
  readonly actions: readonly string[]
  /** What would be gone for good. */
  readonly losses: readonly string[]
  /** Why nothing can be done. */
  readonly impossible: readonly string[]
}

export type StreamNames = ReadonlyMap<number, string>

const at = (time: number): string => new Date(time).toISOString()
const some = (n: number, noun: string): string => `${String(n)} ${noun}${n === 1 ? '' : 's'}`
export const streamName = (names: StreamNames, streamId: number): string =>
  `input '${names.get(streamId) ?? String(streamId)}'`

export function planWords(plan: RepairPlan, names: StreamNames): PlanWords {
  const actions: string[] = []
  const losses: string[] = []
  const impossible: string[] = []
  const { stores, headers, log, survey } = plan
  switch (stores.kind) {
    case 'whole':
      break
    case 'mend':
      actions.push(
        `bring ${stores.names.join(' and ')} to commit ${String(stores.root.number)} from the ` +
          'other store: nothing is lost',
      )
      break
    case 'rebuild': {
      const { root, source } = stores.proven
      actions.push(
        `write both stores anew with commit ${String(root.number)} (batches up to ` +
          `${at(root.time)}), which the digest proves; its entries come from ${source}`,
      )
      break
    }
    case 'impossible':
      impossible.push(...stores.why)
  }
  for (const { file } of headers) {
    actions.push(`write the header of ${file} again from its first group: nothing is lost`)
  }
  if (log?.kind === 'drop') {
    actions.push(
      `take the segments before number ${String(log.before)} out of the log: everything in them ` +
        'is committed, and what follows is whole: nothing is lost',
    )
  }
  if (log?.kind === 'rebuild' && survey !== undefined) {
    const records = log.keep.length
    actions.push(
      `write the log anew with the ${some(records, 'block')} and ` +
        `${some(log.allocations.length, 'allocation')} that are still needed and verify`,
    )
    if (plan.loses) losses.push(...survey.lost.map((lost) => lostWords(lost, names)))
    else
      actions.push('leave out damaged blocks that committed batches have counted: nothing is lost')
    if (plan.loses && losses.length === 0)
      losses.push('segments that were still needed are gone: see above')
    for (const { time, blocks } of log.shortened) {
      losses.push(`batch ${at(time)}, not committed yet, will run without ${some(blocks, 'block')}`)
    }
    losses.push(...doubtWords(plan, names))
  }
  return { actions, losses, impossible }
}

export function lostWords(
  { file, offset, from, to, reason, says }: Lost,
  names: StreamNames,
): string {
  const what =
    says === undefined
      ? 'what stood there is unknown'
      : `a block that says of itself to hold ${some(says.records, 'record')} of ` +
        streamName(names, says.streamId)
  return (
    `${file} at byte ${String(offset)}: positions ${String(from)} to ${String(to)} ` +
    `(${reason}): ${what}`
  )
}

function doubtWords({ log, stores, survey }: RepairPlan, names: StreamNames): string[] {
  if (log?.kind !== 'rebuild' || survey === undefined) return []
  const words = [...new Set(log.doubtful.map(({ streamId }) => streamId))].map((streamId) => {
    const blocks = log.doubtful.filter((block) => block.streamId === streamId)
    const records = blocks.reduce((sum, block) => sum + block.records, 0)
    const where = `${streamName(names, streamId)} in ${some(blocks.length, 'block')}`
    return (
      `${some(records, 'record')} of ${where}` +
      ' may have been counted already, so they are not counted again but exported to a file'
    )
  })
  const receipt = receiptOf(survey)
  if (stores.kind !== 'rebuild' || receipt === undefined) return words
  const { number, time } = stores.proven.root
  if (receipt.commit <= number) return words
  return [
    ...words,
    `commits ${String(number + 1)} to ${String(receipt.commit)} (batches after ${at(time)} up to ` +
      `${at(receipt.time)}) are in neither store; those whose blocks the log still has run again`,
  ]
}
