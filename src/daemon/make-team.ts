/** A team of executor processes, as the settings say. */
import { processTeam } from '../executor/process-team.ts'
import { ExecutorTeam } from '../executor/team.ts'
import type { TeamOptions } from '../executor/team-options.ts'
import type { Host } from '../host/host.ts'
import type { Settings } from './settings.ts'

export interface TeamParts extends Pick<
  TeamOptions,
  'program' | 'params' | 'logDirectory' | 'workingDirectory'
> {
  readonly host: Host
  readonly settings: Settings
  /** A line that the process `name` (`executor 0`, `receiver clicks`) wrote. */
  onOutput(name: string, stream: 'stdout' | 'stderr', line: string): void
  readonly onRestart: NonNullable<TeamOptions['onRestart']>
}

export function makeTeam(parts: TeamParts): ExecutorTeam {
  const { host, program, params, settings, logDirectory, workingDirectory } = parts
  const { partitions, hangTimeoutMs, attemptTimeoutMs } = settings
  const processes = processTeam({
    host,
    program,
    params,
    partitions,
    memoryMegabytes: settings.executorMemoryMb,
    onOutput: (name, stream, line) => {
      parts.onOutput(name, stream, line)
    },
  })
  return new ExecutorTeam({
    processes,
    clock: host.clock,
    random: host.random,
    size: settings.executors,
    program,
    params,
    partitions,
    logDirectory,
    workingDirectory,
    times: { hangTimeoutMs, attemptTimeoutMs },
    onRestart: parts.onRestart,
  })
}
