/**
 * What a process of the command does from its first line to its last, whatever host it stands on. A
 * supervisor is recognised before anything else is loaded, so that it starts fast and holds little.
 */
import type { Clock } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { EXIT } from './exit-codes.ts'
import { supervise, wantsSupervision } from './supervise.ts'
import { decodeStandby } from './supervision.ts'
import type { StandbyPlan } from './supervision.ts'

/** The last words may take so long to be read. */
const FLUSH_MS = 1000
const INTERNAL_ERROR = 70

export interface ProcessParts<Prepared> {
  /** Loads what it needs; a supervisor never calls it. */
  readonly command: (prepared: Prepared | undefined) => Promise<number>
  /** What a process does that is held ready to take over: no directory and no port is touched. */
  readonly prepare: (plan: StandbyPlan) => Promise<Prepared>
}

/** Ends the process. */
export async function runProcess<Prepared>(
  shell: Shell,
  clock: Clock,
  { command, prepare }: ProcessParts<Prepared>,
): Promise<never> {
  // What nobody handled is a broken invariant: the process ends, and the next start recovers.
  shell.onUncaught((error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    shell.err.write(`millrace: internal error, ending: ${text}\n`)
    void shell.err.flush(FLUSH_MS).then(() => shell.exit(INTERNAL_ERROR))
  })
  const code = wantsSupervision(shell.arguments)
    ? await supervise(shell, clock)
    : await command(await standBy(shell, prepare))
  await Promise.all([shell.out.flush(FLUSH_MS), shell.err.flush(FLUSH_MS)])
  return shell.exit(code)
}

/**
 * Where this process was started to take over from another: prepares, and waits until it is told.
 * What cannot be prepared is left to the start itself, which says why.
 */
async function standBy<Prepared>(
  { supervisor, exit }: Pick<Shell, 'supervisor' | 'exit'>,
  prepare: (plan: StandbyPlan) => Promise<Prepared>,
): Promise<Prepared | undefined> {
  if (supervisor?.standby === undefined) return undefined
  supervisor.onGone(() => exit(EXIT.hurried))
  const told = supervisor.heard()
  const plan = decodeStandby(JSON.parse(supervisor.standby))
  const prepared = plan && (await prepare(plan).catch(() => undefined))
  await told
  return prepared
}
