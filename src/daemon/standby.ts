/**
 * What a daemon that is held ready to take over does before its turn: its code is loaded, and its
 * executors run and have loaded theirs. Of directory, program and configuration nothing is known
 * yet: they are read when it is its turn.
 */
import { executorProcess } from '../executor/process-team.ts'
import type { Host } from '../host/host.ts'
import { PreparedProcesses } from '../host/prepared-processes.ts'
import type { StandbyPlan } from './supervision.ts'

/** A host whose processes are the prepared ones, where they fit the configuration of the turn. */
export async function standbyHost(host: Host, plan: StandbyPlan): Promise<Host> {
  const { executors, executorMemoryMb: memoryMegabytes } = plan
  const processes = new PreparedProcesses(host)
  const scratch = executors > 1 ? await processes.prepareDirectory() : undefined
  for (let rank = 0; rank < executors; rank++) {
    processes.prepare(executorProcess({ rank, scratch, memoryMegabytes }))
  }
  await Promise.all([
    import('./command-line.ts'),
    import('./setting-options.ts'),
    import('./run.ts'),
    import('./make-engine.ts'),
  ])
  return { ...host, processes }
}
