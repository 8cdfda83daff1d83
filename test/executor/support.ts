/**
 * What the tests of executors share: programs bundled as users' are, teams of either kind, a
 * checkpoint in memory.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deserialize } from 'node:v8'
import { build } from 'esbuild'
import { afterAll, afterEach } from 'vitest'
import type { AttemptInput, AttemptOutcome } from '../../src/executor/attempt.ts'
import type { ExecutorTimes } from '../../src/executor/limits.ts'
import { loadApp } from '../../src/executor/load-app.ts'
import { INLINE_PROGRAM, inlineTeam } from '../../src/executor/inline-team.ts'
import { processTeam } from '../../src/executor/process-team.ts'
import type { PieceSource } from '../../src/executor/roster.ts'
import { ExecutorTeam } from '../../src/executor/team.ts'
import type { TeamOptions } from '../../src/executor/team-options.ts'
import { nodeHost } from '../../src/host/node-host.ts'

const COMPILED = new URL('../../dist/src/index.js', import.meta.url).href
const SOURCES = new URL('../../src/index.ts', import.meta.url).href

const folders: string[] = []
afterAll(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'executor-test-'))
  folders.push(folder)
  return folder
}

/**
 * Bundles a program as the daemon does: `millrace` stays outside, so that there is one copy of it
 * in the process.
 */
export async function bundle(source: string, kind: Kind = 'processes'): Promise<string> {
  const folder = await temporaryFolder()
  const entry = join(folder, 'app.ts')
  const outfile = join(folder, 'bundle.mjs')
  await writeFile(entry, source)
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    plugins: [
      {
        name: 'millrace',
        setup(context) {
          const path = kind === 'processes' ? COMPILED : SOURCES
          context.onResolve({ filter: /^millrace$/ }, () => ({ path, external: true }))
        },
      },
    ],
  })
  return pathToFileURL(outfile).href
}

export type Kind = 'processes' | 'inline'

export interface TestTeamOptions {
  readonly size?: number
  readonly kind?: Kind
  readonly exportName?: string
  readonly params?: Readonly<Record<string, string>>
  readonly times?: Partial<ExecutorTimes>
  readonly logDirectory?: string
  readonly memoryMegabytes?: number
}

export interface TestTeam {
  readonly team: ExecutorTeam
  /** `executor 0 stdout: line` */
  readonly printed: string[]
  /** `rank code: message` of every executor that was replaced. */
  readonly replaced: string[]
}

const teams: ExecutorTeam[] = []
afterEach(async () => {
  for (const team of teams.splice(0)) await team.stop()
})

/** A team of the program, not yet built; stopped after the test. */
export async function teamOf(source: string, options: TestTeamOptions = {}): Promise<TestTeam> {
  const { exportName, kind = 'processes', memoryMegabytes = 256, params = {}, size = 1 } = options
  const printed: string[] = []
  const replaced: string[] = []
  const program = { bundle: await bundle(source, kind), exportName, code: undefined }
  const partitions = 4
  const made = {
    clock: nodeHost.clock,
    random: nodeHost.random,
    size,
    params,
    partitions,
    logDirectory: options.logDirectory ?? (await temporaryFolder()),
    workingDirectory: await temporaryFolder(),
    onRestart: (rank, reason) => {
      replaced.push(`${String(rank)} ${reason.code}: ${reason.message}`)
    },
    ...(options.times === undefined ? {} : { times: options.times }),
  } satisfies Omit<TeamOptions, 'processes' | 'program'>
  const host = nodeHost
  const team =
    kind === 'processes'
      ? new ExecutorTeam({
          ...made,
          program,
          processes: processTeam({
            host,
            program,
            params,
            partitions,
            memoryMegabytes,
            onOutput: (name, stream, line) => printed.push(`${name} ${stream}: ${line}`),
          }),
        })
      : new ExecutorTeam({
          ...made,
          program: INLINE_PROGRAM,
          processes: inlineTeam({ host, app: await loadApp(program), params, partitions }),
        })
  teams.push(team)
  return { team, printed, replaced }
}

/** State pieces as commits leave them, and the rows each commit put out. */
export class TestCheckpoint {
  readonly #pieces = new Map<string, Map<string, Uint8Array>>()
  #number = 0
  #attempt = 0
  reads = 0
  /** The disk fails. */
  unreadable = false

  readonly source: PieceSource = (uid, partition) => this.#read(`${uid}/${String(partition)}`)

  async *#read(name: string): AsyncIterable<readonly [string, Uint8Array]> {
    for (const piece of this.#pieces.get(name) ?? []) {
      if (this.unreadable) throw new Error('no disk')
      this.reads += 1
      yield await Promise.resolve(piece)
    }
  }

  /** One attempt at the batch `time`; a done one is committed. */
  async attempt(
    team: ExecutorTeam,
    time: number,
    inputs: readonly AttemptInput[] = [{ streamId: 0, kind: 'range', from: time, until: time + 1 }],
  ): Promise<AttemptOutcome> {
    const attempt = ++this.#attempt
    const outcome = await team.run({ time, attempt, number: this.#number + 1, inputs })
    if (outcome.kind === 'failed') return outcome
    this.#number += 1
    for (const { uid, partition, puts, deletes } of outcome.states) {
      const name = `${uid}/${String(partition)}`
      const pieces = this.#pieces.get(name) ?? new Map<string, Uint8Array>()
      for (const put of puts) pieces.set(put.name, put.value.slice())
      for (const gone of deletes) pieces.delete(gone)
      this.#pieces.set(name, pieces)
    }
    team.committed(attempt)
    return outcome
  }

  /** The batch until it is done, within a few attempts; its rows, sorted. */
  async batch(
    team: ExecutorTeam,
    time: number,
    inputs?: readonly AttemptInput[],
  ): Promise<string[]> {
    for (let n = 0; n < 5; n++) {
      const outcome = await this.attempt(team, time, inputs)
      if (outcome.kind === 'done') return rowsOf(outcome)
    }
    throw new Error(`batch ${String(time)} failed five times`)
  }
}

/** The rows of the first output, as JSON, sorted. */
export function rowsOf(outcome: AttemptOutcome): string[] {
  if (outcome.kind === 'failed') throw new Error(`${outcome.code}: ${outcome.message}`)
  const rows = (outcome.outputs[0]?.parts ?? []).flatMap((part): unknown[] => {
    const list: unknown = deserialize(part.payload)
    return Array.isArray(list) ? list : []
  })
  return rows.map((row) => JSON.stringify(row)).sort()
}

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
