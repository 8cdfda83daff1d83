/**
 * `millrace plan`: what a program is (inputs, operators, states, outputs), and what it would do to
 * the state of its directory. The program's body runs in an executor process, as always; no batch
 * runs and nothing is stored.
 */
import { examineDirectory } from '../engine/directory.ts'
import type { Tracker } from '../blocks/tracker.ts'
import { refuseOrphans } from '../engine/inputs.ts'
import { PROGRESS_KEY, SHAPE_KEY, decodeProgress, decodeShape } from '../engine/layout.ts'
import type { Progress } from '../engine/layout.ts'
import { refuseMisfits } from '../engine/recovery.ts'
import { isMillraceError } from '../base/errors.ts'
import {
  compareShapes,
  refuseDrop,
  renderComparison,
  unknownDrop,
} from '../dstream/compare-shapes.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { bundleProgram } from './bundle.ts'
import { foldLog, readCheckpoint, withOwnedDirectory } from './closed-directory.ts'
import type { Config } from './config.ts'
import { EXIT } from './exit-codes.ts'
import { makeTeam } from './make-team.ts'
import { shapeLines } from './shape-text.ts'

export interface PlanOptions {
  readonly program: string
  readonly exportName: string | undefined
  readonly drop: readonly string[]
  readonly config: Config
}

type Stored =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unknown'; readonly why: string }
  | {
      readonly kind: 'shape'
      readonly shape: GraphShape
      readonly progress: Progress
      readonly tracker: Tracker
    }

export async function plan(shell: Shell, host: Host, options: PlanOptions): Promise<number> {
  const { dataDir } = options.config.settings
  const shape = await shapeOf(shell, host, options)
  refuseMisfits(shape, false)
  const stored = await storedShape(shell, host, dataDir)
  const { lines, code } = compared(stored, shape, options.drop)
  shell.out.write([...shapeLines(shape), `directory ${dataDir}`, ...lines, ''].join('\n'))
  return code
}

/**
 * Builds the program in an executor of its own. The bundle is no record of anything that ran: it
 * goes again.
 */
async function shapeOf(shell: Shell, host: Host, options: PlanOptions): Promise<GraphShape> {
  const { settings, params } = options.config
  const directory = await host.processes.privateDirectory()
  try {
    const bundle = await bundleProgram(host.fs, {
      program: options.program,
      workingDirectory: shell.workingDirectory,
      directory,
    })
    await bundle.store()
    const team = makeTeam({
      host,
      settings: { ...settings, executors: 1 },
      params,
      program: { bundle: bundle.url, exportName: options.exportName, code: bundle.code },
      workingDirectory: shell.workingDirectory,
      logDirectory: directory,
      onOutput: (name, _stream, line) => {
        shell.err.write(`${name}: ${line}\n`)
      },
      onRestart: () => undefined,
    })
    try {
      return await team.build()
    } finally {
      await team.stop()
    }
  } finally {
    await host.fs.remove(directory)
  }
}

async function storedShape(shell: Shell, host: Host, dataDir: string): Promise<Stored> {
  const state = await examineDirectory(host.fs, dataDir)
  if (state.kind !== 'identified') return { kind: 'nothing' }
  try {
    return await withOwnedDirectory(shell, host, dataDir, async (directory, reading) => {
      const read = await readCheckpoint(reading, directory, async (checkpoint) => ({
        bytes: await checkpoint.get(SHAPE_KEY),
        known: await checkpoint.get(PROGRESS_KEY),
        root: checkpoint.root,
      }))
      if (read === undefined)
        return { kind: 'unknown', why: 'its checkpoint has to be mended first' }
      const { bytes, known, root } = read
      if (bytes === undefined || known === undefined) return { kind: 'nothing' }
      const tracker = await foldLog(host, directory, root)
      return { kind: 'shape', shape: decodeShape(bytes), progress: decodeProgress(known), tracker }
    })
  } catch (error) {
    if (!isMillraceError(error, 'MR_DIRECTORY_OWNED')) throw error
    return { kind: 'unknown', why: error.message }
  }
}

interface Compared {
  readonly lines: readonly string[]
  /** As `run` would end; 69 where it could not be found out. */
  readonly code: number
}

function compared(stored: Stored, shape: GraphShape, drop: readonly string[]): Compared {
  switch (stored.kind) {
    case 'nothing': {
      const wrong = unknownDrop([], drop)
      if (wrong !== undefined) return { lines: [`  ! ${wrong}`], code: EXIT.usage }
      return { lines: ['  nothing is stored: every state starts empty'], code: EXIT.ok }
    }
    case 'unknown':
      return { lines: [`  not compared: ${stored.why}`], code: EXIT.unavailable }
    case 'shape':
      return comparedWith(stored, shape, drop)
  }
}

function comparedWith(
  stored: Stored & { kind: 'shape' },
  shape: GraphShape,
  drop: readonly string[],
): Compared {
  if (stored.shape.application !== shape.application) {
    const owner = `it belongs to the application '${stored.shape.application}'`
    const line = `  ! ${owner}: give this one a directory of its own`
    return { lines: [line], code: EXIT.program }
  }
  const wrong = unknownDrop(stored.shape.states, drop) ?? refuseDrop(shape.states, drop)
  if (wrong !== undefined) return { lines: [`  ! ${wrong}`], code: EXIT.usage }
  const comparison = compareShapes(stored.shape, shape, drop)
  const orphan = orphanOf(shape, stored)
  const refusals = orphan === undefined ? comparison.refusals : [...comparison.refusals, orphan]
  const lines = renderComparison({ ...comparison, refusals }).map((line) => `  ${line}`)
  if (orphan !== undefined) lines.push(`    ! ${orphan}`)
  return { lines, code: refusals.length > 0 ? EXIT.program : EXIT.ok }
}

/** Why the log cannot let an input go; undefined where it can. */
function orphanOf(
  shape: GraphShape,
  { progress, tracker }: Stored & { kind: 'shape' },
): string | undefined {
  try {
    refuseOrphans(shape, tracker, progress)
    return undefined
  } catch (error) {
    if (!isMillraceError(error, 'MR_SHAPE_CHANGED')) throw error
    return error.message
  }
}
