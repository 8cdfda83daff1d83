/**
 * A vector on two executor processes, with log and checkpoint on disk. What it makes lies in one
 * temporary directory, removed by `close`. The processes run compiled files: `npm run build` comes
 * first.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { processTeam } from '../../src/executor/process-team.ts'
import { ExecutorTeam } from '../../src/executor/team.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { paramsOf } from './app.ts'
import { needsDirectory, PARTITIONS, runOnEngine, type Ground } from './engine-run.ts'
import type { Way } from './runner.ts'
import type { Vector } from './vector.ts'

const EXECUTORS = 2
const MEMORY_MEGABYTES = 256
/** The compiled program: this file may itself run from source. */
const APP = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/test/vectors/app.js' : './app.js',
  import.meta.url,
).href

export interface ClosableWay extends Way {
  close(): Promise<void>
}

export function processesWay(): ClosableWay {
  let workshop: Workshop | undefined
  return {
    name: 'two processes',
    run: async (vector) => {
      workshop ??= new Workshop()
      const ground = await processesGround(vector, workshop)
      try {
        return await runOnEngine(vector, ground)
      } finally {
        await rm(ground.workingDirectory, { recursive: true, force: true })
      }
    },
    close: async () => {
      await workshop?.close()
    },
  }
}

/** A module whose one app has the vector's interval; the vector itself is its parameter. */
async function writeProgram(batchMs: number, directory: string): Promise<string> {
  const path = join(directory, `every-${String(batchMs)}.mjs`)
  const text = `import { vectorApp } from '${APP}'\nexport default vectorApp(${String(batchMs)})\n`
  await writeFile(path, text)
  return pathToFileURL(path).href
}

/**
 * The temporary directory and the programs in it, each written once: executors are reading them.
 */
class Workshop {
  readonly #root = mkdtemp(join(tmpdir(), 'millrace-vectors-'))
  readonly #programs = new Map<number, Promise<string>>()

  async directory(): Promise<string> {
    return await mkdtemp(join(await this.#root, 'vector-'))
  }

  async program(batchMs: number): Promise<string> {
    const program =
      this.#programs.get(batchMs) ?? this.#root.then((root) => writeProgram(batchMs, root))
    this.#programs.set(batchMs, program)
    return await program
  }

  async close(): Promise<void> {
    await rm(await this.#root, { recursive: true, force: true })
  }
}

async function processesGround(vector: Vector, workshop: Workshop): Promise<Ground> {
  const directory = await workshop.directory()
  const bundle = await workshop.program(vector.batchMs ?? 0)
  const program = { bundle, exportName: undefined, code: undefined }
  const params = paramsOf(vector)
  const shared = { program, params, partitions: PARTITIONS }
  return {
    host: nodeHost,
    directory: needsDirectory(vector) ? join(directory, 'data') : undefined,
    workingDirectory: directory,
    newTeam: ({ logDirectory, onRestart }) =>
      new ExecutorTeam({
        ...shared,
        processes: processTeam({
          ...shared,
          host: nodeHost,
          memoryMegabytes: MEMORY_MEGABYTES,
          onOutput: (name, stream, line) => {
            if (stream === 'stderr') process.stderr.write(`${vector.id}, ${name}: ${line}\n`)
          },
        }),
        clock: nodeHost.clock,
        random: nodeHost.random,
        size: EXECUTORS,
        logDirectory,
        workingDirectory: directory,
        onRestart,
      }),
  }
}
