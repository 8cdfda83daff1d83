/**
 * An engine on memory: a clock moved by hand, a log and a checkpoint that outlive the engine,
 * inline executors.
 */
import { deserialize } from 'node:v8'
import type { App } from '../../src/dstream/app.ts'
import { Engine } from '../../src/engine/engine.ts'
import { DEFAULT_SETTINGS, type EngineSettings, SILENT } from '../../src/engine/settings.ts'
import type { StagedOutput } from '../../src/engine/staged-output.ts'
import { inlineTeam, INLINE_PROGRAM } from '../../src/executor/inline-team.ts'
import { ExecutorTeam } from '../../src/executor/team.ts'
import type { Host } from '../../src/host/host.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { memoryNetwork } from '../../src/host/memory-network.ts'
import { memoryStores } from '../../src/host/memory-stores.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeProcesses } from '../../src/host/node-processes.ts'
import { nodeRandom } from '../../src/host/node-random.ts'

export interface Published {
  readonly uid: string
  readonly time: number
  readonly attempt: number
  readonly rows: readonly unknown[]
}

/** What outlives an engine. */
export class Ground {
  readonly clock = new ManualClock(0)
  readonly fs = new MemoryFileSystem()
  readonly host: Host = {
    clock: this.clock,
    fs: this.fs,
    net: memoryNetwork(),
    random: nodeRandom,
    processes: nodeProcesses,
    stores: memoryStores(this.fs),
  }
  readonly published: Published[] = []
  readonly printed: string[] = []

  engine(
    app: App<unknown>,
    options: {
      executors?: number
      settings?: Partial<EngineSettings>
      drop?: string[]
      params?: Record<string, string>
      directory?: string | undefined
      host?: Host
    } = {},
  ): Engine {
    const host = options.host ?? this.host
    const partitions = 4
    const params = options.params ?? {}
    return new Engine({
      host,
      directory: 'directory' in options ? options.directory : '/data',
      workingDirectory: '/work',
      settings: { ...DEFAULT_SETTINGS, segmentBytes: 1 << 20, partitions, ...options.settings },
      drop: options.drop ?? [],
      log: SILENT,
      onPrint: (text) => this.printed.push(text),
      onRows: (staged) => this.published.push(rowsOf(staged)),
      newTeam: ({ logDirectory, onRestart }) =>
        new ExecutorTeam({
          processes: inlineTeam({ host: { ...host, clock: nodeClock }, app, params, partitions }),
          clock: nodeClock,
          random: nodeRandom,
          size: options.executors ?? 2,
          program: INLINE_PROGRAM,
          params,
          partitions,
          logDirectory,
          workingDirectory: '/work',
          onRestart,
        }),
    })
  }

  /** Moves the clock to the batch at `time` and waits until it is over. */
  async batch(engine: Engine, time: number): Promise<void> {
    await this.clock.advance(time - this.clock.now())
    await engine.settled(time)
  }

  /** Rows published for an output, by batch time. */
  rows(uid: string): Record<number, unknown[]> {
    const byTime: Record<number, unknown[]> = {}
    for (const { uid: of, time, rows } of this.published) {
      if (of === uid) (byTime[time] ??= []).push(...rows)
    }
    return byTime
  }
}

function rowsOf({ uid, time, attempt, parts }: StagedOutput): Published {
  const rows = parts.flatMap((part): unknown[] => {
    const decoded: unknown = deserialize(part.payload)
    return Array.isArray(decoded) ? decoded : []
  })
  return { uid, time, attempt, rows }
}
