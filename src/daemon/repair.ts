/**
 * `millrace repair`: plans, says what it would do, and does it. Never beside a live server: it owns
 * the directory. What would lose something is done only when that was accepted.
 */
import { PROGRESS_KEY, decodeProgress } from '../engine/layout.ts'
import { isMillraceError, MillraceError } from '../base/errors.ts'
import { applyRepair, REPAIR_PREFIX, resumeRepair } from '../engine/repair/apply.ts'
import { planRepair, type RepairPlan } from '../engine/repair/plan.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { readCheckpoint, withOwnedDirectory } from './closed-directory.ts'
import { EXIT } from './exit-codes.ts'
import { progressOn } from './progress.ts'
import { planWords, type PlanWords, type StreamNames } from './repair-text.ts'

export interface RepairCommand {
  readonly directory: string
  readonly dryRun: boolean
  readonly acceptLoss: boolean
  readonly json: boolean
}

interface Outcome extends PlanWords {
  readonly directory: string
  readonly done: boolean
  /** Finished first, where an earlier repair was interrupted. */
  readonly resumed: boolean
  readonly problems: readonly string[]
  /** Where the originals are; null when nothing was changed. */
  readonly aside: string | null
  readonly exported: readonly string[]
}

export async function repair(shell: Shell, host: Host, options: RepairCommand): Promise<number> {
  const progress = progressOn(shell.err)
  const outcome = await withOwnedDirectory(shell, host, options.directory, async (directory) => {
    try {
      return await repairOwned(host, directory, options, progress.step)
    } finally {
      progress.end()
    }
  })
  shell.out.write(
    options.json
      ? `${JSON.stringify({ ok: isOk(outcome, options), ...outcome }, null, 2)}\n`
      : `${linesOf(outcome, options).join('\n')}\n`,
  )
  if (!options.dryRun) refuseUndone(outcome)
  return isOk(outcome, options) ? EXIT.ok : EXIT.damage
}

const isOk = (outcome: Outcome, { dryRun }: RepairCommand): boolean =>
  outcome.impossible.length === 0 &&
  (outcome.done || outcome.actions.length === 0 || (dryRun && outcome.losses.length === 0))

function refuseUndone({ directory, impossible, losses, done }: Outcome): void {
  if (impossible.length > 0) {
    throw new MillraceError(
      'MR_REPAIR_IMPOSSIBLE',
      `${directory}: nothing verified is left to start from: restore a backup; nothing was changed`,
    )
  }
  if (losses.length === 0 || done) return
  throw new MillraceError(
    'MR_REPAIR_LOSES',
    `${directory}: the repair would lose what is listed: restore a backup, or say --accept-loss; ` +
      'nothing was changed',
  )
}

async function repairOwned(
  host: Host,
  directory: string,
  { dryRun, acceptLoss }: RepairCommand,
  onProgress: (step: string, done: number, total: number) => void,
): Promise<Outcome> {
  const resumed = dryRun ? false : await resumeRepair(host.fs, directory)
  const time = new Date(host.clock.now()).toISOString().replace(/[:.]/g, '-')
  const aside = `${directory}/${REPAIR_PREFIX}${time}`
  const scratch = `${aside}/work`
  try {
    const plan = await planRepair(host, directory, scratch, onProgress)
    const names = await streamNames(host, plan)
    const words = planWords(plan, names)
    const found = { ...words, directory, resumed, problems: plan.logProblems }
    const nothing = { ...found, done: false, aside: null, exported: [] }
    const blocked = words.impossible.length > 0 || (plan.loses && !acceptLoss)
    if (words.actions.length === 0 || dryRun || blocked) {
      await host.fs.remove(aside)
      return nothing
    }
    const { exported } = await applyRepair(host, plan, aside, names)
    return { ...found, done: true, aside, exported }
  } finally {
    await host.fs.remove(scratch)
  }
}

/** Names of the inputs by their number in the log, where the checkpoint can be read. */
async function streamNames(host: Host, plan: RepairPlan): Promise<StreamNames> {
  if (plan.log?.kind !== 'rebuild') return new Map()
  try {
    const progress = await readCheckpoint(host, plan.directory, (checkpoint) =>
      checkpoint.get(PROGRESS_KEY),
    )
    if (progress === undefined) return new Map()
    return new Map(Object.entries(decodeProgress(progress).streams).map(([uid, n]) => [n, uid]))
  } catch (error) {
    if (isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) return new Map()
    throw error
  }
}

function linesOf(outcome: Outcome, { dryRun }: RepairCommand): string[] {
  const { actions, aside, directory, done, exported, impossible, losses, problems } = outcome
  const lines = [
    directory,
    ...(outcome.resumed ? ['  finished first: a repair that had been interrupted'] : []),
    ...problems.map((problem) => `  found: ${problem}`),
    ...impossible.map((why) => `  found: ${why}`),
    ...actions.map((action) => `  ${done ? 'done' : 'would'}: ${action}`),
    ...losses.map((loss) => `  ${done ? 'LOST' : 'WOULD LOSE'}: ${loss}`),
    ...exported.map((file) => `  exported: ${file}`),
  ]
  if (aside !== null) lines.push(`  the originals are in ${aside}`)
  if (actions.length === 0 && impossible.length === 0) lines.push('nothing to repair')
  else if (done) lines.push('repaired: the next start goes on from here')
  else if (dryRun) lines.push('nothing was changed (--dry-run)')
  return lines
}
