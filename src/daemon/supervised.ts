/**
 * The daemon's side of supervision: it tells of commits and phases, and ends when its supervisor is
 * gone.
 */
import type { Clock } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import type { EngineHandle } from './engine-handle.ts'
import { EXIT } from './exit-codes.ts'
import type { Settings } from './settings.ts'
import type { DaemonMessage } from './supervision.ts'

const TELL_EVERY_MS = 200

/**
 * Ends this process with its supervisor, from the first line on: without one it would hold the
 * directory against the next daemon, and what is on disk is enough.
 */
export function endWithSupervisor(shell: Pick<Shell, 'supervisor' | 'exit'>): void {
  shell.supervisor?.onGone(() => shell.exit(EXIT.hurried))
}

/** Tells until the returned function is called; does nothing where there is no supervisor. */
export function tellSupervisor(
  shell: Pick<Shell, 'supervisor'>,
  clock: Clock,
  engine: EngineHandle,
  settings: Settings,
): () => void {
  const { supervisor } = shell
  if (supervisor === undefined) return () => undefined
  const send = (message: DaemonMessage): void => {
    supervisor.send(message)
  }
  const { maxRestarts, backoffMinMs, backoffMaxMs, standby } = settings.supervise
  const { stopTimeoutMs, executors, executorMemoryMb } = settings
  send({
    kind: 'settings',
    settings: {
      ...{ maxRestarts, backoffMinMs, backoffMaxMs, stopTimeoutMs },
      standby: standby === 'on' ? { executors, executorMemoryMb } : undefined,
    },
  })
  let told = { commit: -1, recovering: true }
  return clock.every(TELL_EVERY_MS, () => {
    const { phase, lastCommit } = engine.status()
    const now = { commit: lastCommit?.number ?? -1, recovering: phase === 'starting' }
    if (now.recovering !== told.recovering) send({ kind: 'phase', recovering: now.recovering })
    if (now.commit > told.commit) send({ kind: 'commit', number: now.commit })
    told = now
  })
}
