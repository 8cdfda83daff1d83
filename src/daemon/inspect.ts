/**
 * `millrace inspect`: what a data directory holds, states with their number of keys where counting
 * is cheap.
 */
import { StatePartition } from '../../checkpoint/pieces.ts'
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import { PROGRESS_KEY, SHAPE_KEY, decodeProgress, decodeShape } from '../engine/layout.ts'
import { statePartitionPrefix } from '../engine/layout.ts'
import { isMillraceError } from '../base/errors.ts'
import { uncountedIn, type Uncounted } from '../engine/tell.ts'
import type { StateShape } from '../dstream/shape.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { BEGUN_HASH, BEGUN_KEY } from '../dstream/state.ts'
import { foldLog, readCheckpoint, withOwnedDirectory } from './closed-directory.ts'
import { reportDirectory } from './directory-report.ts'
import type { DirectoryReport } from './directory-report.ts'
import { EXIT } from './exit-codes.ts'
import { findingLines, pinLines, reportJson, reportLines } from './report-text.ts'
import { progressOn } from './progress.ts'
import { formatBytes } from './units.ts'

/**
 * Keys of a larger state are not counted: that needs the state in memory, a partition at a time.
 */
const COUNTED_BYTES_MAX = 256 * 1024 * 1024

interface StateSummary {
  readonly uid: string
  readonly partitions: number
  readonly bytes: number
  /** Undefined where the state is too large to be counted in passing. */
  readonly keys: number | undefined
}

export async function inspect(
  shell: Shell,
  host: Host,
  options: { readonly directory: string; readonly json: boolean },
): Promise<number> {
  const progress = progressOn(shell.err)
  const { report, states, uncounted } = await withOwnedDirectory(
    shell,
    host,
    options.directory,
    async (directory, reading) => ({
      report: await reportDirectory(reading, directory, progress.step),
      states: await readCheckpoint(reading, directory, summarizeStates),
      uncounted: await readCheckpoint(reading, directory, (checkpoint) =>
        uncountedOf(reading, directory, checkpoint),
      ),
    }),
  )
  progress.end()
  shell.out.write(
    options.json
      ? `${JSON.stringify({ ...reportJson(report), states, uncounted }, null, 2)}\n`
      : [...inspectLines(report, states, uncounted), ''].join('\n'),
  )
  return report.problems.length === 0 ? EXIT.ok : EXIT.damage
}

/** Undefined where the log is damaged: the findings say so. */
async function uncountedOf(
  host: Host,
  directory: string,
  checkpoint: Checkpoint,
): Promise<Uncounted | undefined> {
  const known = await checkpoint.get(PROGRESS_KEY)
  if (known === undefined) return undefined
  try {
    return uncountedIn(await foldLog(host, directory, checkpoint.root), decodeProgress(known))
  } catch (error) {
    if (!isMillraceError(error, 'MR_LOG_DAMAGED')) throw error
    return undefined
  }
}

function waitingLines(uncounted: Uncounted | undefined): string[] {
  if (uncounted === undefined) return []
  const { batches, records } = uncounted
  const held = batches.map((time) => `batch ${new Date(time).toISOString()} is held; `).join('')
  return [`  waiting        ${held}${String(records)} records wait to be counted`]
}

async function summarizeStates(checkpoint: Checkpoint): Promise<readonly StateSummary[]> {
  const shape = await checkpoint.get(SHAPE_KEY)
  if (shape === undefined) return []
  const summaries: StateSummary[] = []
  for (const state of decodeShape(shape).states) {
    summaries.push(await summarizeState(checkpoint, state))
  }
  return summaries
}

async function summarizeState(
  checkpoint: Checkpoint,
  { uid, partitions }: StateShape,
): Promise<StateSummary> {
  let bytes = 0
  let keys: number | undefined = 0
  for (let partition = 0; partition < partitions; partition++) {
    const prefix = statePartitionPrefix(uid, partition)
    const pieces: (readonly [string, Uint8Array])[] = []
    for await (const [key, value] of checkpoint.entries(prefix)) {
      bytes += value.length
      if (bytes > COUNTED_BYTES_MAX) keys = undefined
      else pieces.push([key.slice(prefix.length), value])
    }
    if (keys === undefined) continue
    const table = new StatePartition()
    table.load(pieces)
    const reserved = table.table.has(BEGUN_KEY, BEGUN_HASH) ? 1 : 0
    keys += table.table.size - reserved
  }
  return { uid, partitions, bytes, keys }
}

function inspectLines(
  report: DirectoryReport,
  states: readonly StateSummary[] | undefined,
  uncounted: Uncounted | undefined,
): readonly string[] {
  const lines = [
    ...reportLines(report),
    ...pinLines(report),
    ...waitingLines(uncounted),
    ...findingLines(report),
  ]
  if (states === undefined) {
    return [
      ...lines,
      '  states         not read: the checkpoint has to be mended first, by a start',
    ]
  }
  if (states.length === 0) return [...lines, '  states         none']
  return [...lines, ...states.map(stateLine)]
}

function stateLine({ uid, partitions, bytes, keys }: StateSummary): string {
  const counted = keys === undefined ? 'too large to count the keys' : `${String(keys)} keys`
  const size = `${formatBytes(bytes)} in ${String(partitions)} partitions`
  return `  state          ${uid}: ${counted}, ${size}`
}
