/**
 * `millrace plan`: what a program is (inputs, operators, states, outputs), and what it would do to
 * the state of its directory. The program's body runs in an executor process, as always; no batch
 * runs and nothing is stored.
 */
import { examineDirectory } from '../engine/directory.ts'
import { SHAPE_KEY, decodeShape } from '../engine/layout.ts'
import { isMillraceError } from '../base/errors.ts'
import { compareShapes, renderComparison } from '../dstream/compare-shapes.ts'
import type { GraphShape } from '../dstream/shape.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { bundleProgram } from './bundle.ts'
import { readCheckpoint, withOwnedDirectory } from './closed-directory.ts'
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
  | { readonly kind: 'shape'; readonly shape: GraphShape }

export async function plan(shell: Shell, host: Host, options: PlanOptions): Promise<number> {
  const { dataDir } = options.config.settings
  const shape = await shapeOf(shell, host, options)
  const stored = await storedShape(shell, host, dataDir)
  const { lines, refused } = compared(stored, shape, options.drop)
  shell.out.write([...shapeLines(shape), `directory ${dataDir}`, ...lines, ''].join('\n'))
  return refused ? EXIT.program : EXIT.ok
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
      program: { bundle: bundle.url, exportName: options.exportName },
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
      }))
      if (read === undefined)
        return { kind: 'unknown', why: 'its checkpoint has to be mended first' }
      if (read.bytes === undefined) return { kind: 'nothing' }
      return { kind: 'shape', shape: decodeShape(read.bytes) }
    })
  } catch (error) {
    if (!isMillraceError(error, 'MR_DIRECTORY_OWNED')) throw error
    return { kind: 'unknown', why: error.message }
  }
}

function compared(
  stored: Stored,
  shape: GraphShape,
  drop: readonly string[],
): { readonly lines: readonly string[]; readonly refused: boolean } {
  switch (stored.kind) {
    case 'nothing':
      return { lines: ['  nothing is stored: every state starts empty'], refused: false }
    case 'unknown':
      return { lines: [`  not compared: ${stored.why}`], refused: false }
    case 'shape': {
      if (stored.shape.application !== shape.application) {
        const owner = `it belongs to the application '${stored.shape.application}'`
        return { lines: [`  ! ${owner}: give this one a directory of its own`], refused: true }
      }
      const comparison = compareShapes(stored.shape, shape, drop)
      const lines = renderComparison(comparison).map((line) => `  ${line}`)
      return { lines, refused: comparison.refusals.length > 0 }
    }
  }
}
