/**
 * The processes of a real team: executors and receivers as children of this process, with a heap of
 * their own.
 */
import type { ChildProcess, Host } from '../host/host.ts'
import type { Preparation } from '../host/prepared-processes.ts'
import type { TeamProcesses } from './team-options.ts'
import type { StartOptions } from './protocol.ts'

export interface ProcessTeamOptions {
  readonly host: Pick<Host, 'fs' | 'processes'>
  readonly program: StartOptions['program']
  readonly params: Readonly<Record<string, string>>
  readonly partitions: number
  /** Heap limit of one executor, in MiB. */
  readonly memoryMegabytes: number
  /** What executors and receivers print, by name (`executor 0`, `receiver clicks`). */
  readonly onOutput: (name: string, stream: 'stdout' | 'stderr', line: string) => void
}

/** The files the children run: this package's own, compiled. */
const EXECUTOR_MODULE = compiled('executor-main')
const RECEIVER_MODULE = compiled('receiver-main')

export function processTeam(options: ProcessTeamOptions): TeamProcesses {
  const { host, memoryMegabytes, onOutput } = options
  return {
    executor({ onStderr, rank, scratch }): ChildProcess {
      const name = `executor ${String(rank)}`
      return host.processes.spawn({
        ...executorProcess({ rank, scratch, memoryMegabytes }),
        onOutput(stream, line) {
          if (stream === 'stderr') onStderr(line)
          onOutput(name, stream, line)
        },
      })
    },
    receiver(uid): ChildProcess {
      const name = `receiver ${uid}`
      const { params, partitions, program } = options
      return host.processes.spawn({
        name: `millrace ${name}`,
        module: RECEIVER_MODULE,
        argument: { program, params, partitions, uid },
        memoryMegabytes,
        onOutput(stream, line) {
          onOutput(name, stream, line)
        },
      })
    },
    scratch: () => host.processes.privateDirectory(),
    hasScratch: async (path) => (await host.fs.stat(path)) !== undefined,
    removeScratch: (path) => host.fs.remove(path),
  }
}

/** The process of an executor, which may be started before there is a team. */
export function executorProcess(options: {
  readonly rank: number
  readonly scratch: string | undefined
  readonly memoryMegabytes: number
}): Preparation {
  const { memoryMegabytes, rank, scratch } = options
  return {
    name: `millrace executor ${String(rank)}`,
    module: EXECUTOR_MODULE,
    argument: null,
    memoryMegabytes,
    ...(scratch === undefined ? {} : { scratch }),
  }
}

/** Children run compiled files; where this module itself runs from source, they are in `dist`. */
function compiled(name: string): string {
  const fromSource = import.meta.url.endsWith('.ts')
  const folder = fromSource ? '../../dist/src/executor/' : './'
  return new URL(`${folder}${name}.js`, import.meta.url).href
}
