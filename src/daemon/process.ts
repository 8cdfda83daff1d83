/**
 * What a process of the command does from its first line to its last, whatever host it stands on. A
 * supervisor is recognised before anything else is loaded, so that it starts fast and holds little.
 */
import type { Clock } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { supervise, wantsSupervision } from './supervise.ts'

/** The last words may take so long to be read. */
const FLUSH_MS = 1000
const INTERNAL_ERROR = 70

/** Ends the process. `command` loads what it needs; a supervisor never calls it. */
export async function runProcess(
  shell: Shell,
  clock: Clock,
  command: () => Promise<number>,
): Promise<never> {
  // What nobody handled is a broken invariant: the process ends, and the next start recovers.
  shell.onUncaught((error) => {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    shell.err.write(`millrace: internal error, ending: ${text}\n`)
    void shell.err.flush(FLUSH_MS).then(() => shell.exit(INTERNAL_ERROR))
  })
  const supervised = wantsSupervision(shell.arguments)
  const code = supervised ? await supervise(shell, clock) : await command()
  await Promise.all([shell.out.flush(FLUSH_MS), shell.err.flush(FLUSH_MS)])
  return shell.exit(code)
}
