/**
 * Publishing what a commit staged, in output order. A failure is tried again for ever, with
 * backoff: the batch is committed, so there is no other way on; a lost staged file is damage and is
 * thrown. While it fails the batch is held for everyone to see.
 */
import { MillraceError } from '../base/errors.ts'
import type { Clock } from '../host/host.ts'
import type { Publisher } from './publisher.ts'
import { backoffMs, type EngineSettings, type Logger } from './settings.ts'
import type { StagedOutput } from './staged-output.ts'
import type { BlockedBatch } from './status.ts'

export interface PublicationParts {
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly settings: EngineSettings
  readonly publisher: Pick<Publisher, 'publish'>
  readonly log: Pick<Logger, 'error'>
}

/** `onHeld` is told at each failure why the batch is held, and undefined when it is no longer. */
export async function publishAll(
  parts: PublicationParts,
  staged: readonly StagedOutput[],
  signal: AbortSignal,
  onHeld: (held: BlockedBatch | undefined) => void,
): Promise<'published' | 'stopped'> {
  for (const output of staged) {
    const since = parts.clock.now()
    for (let tries = 1; ; tries++) {
      const error = await attempt(parts, output)
      if (error === undefined) {
        if (tries > 1) onHeld(undefined)
        break
      }
      onHeld(heldBy(output, error, tries, since))
      try {
        await parts.clock.sleep(backoffMs(parts.settings, tries + 1), signal)
      } catch (aborted) {
        if (signal.aborted) return 'stopped'
        throw aborted
      }
    }
  }
  return 'published'
}

/** The failure, when trying again may help. */
async function attempt(
  { log, publisher }: PublicationParts,
  output: StagedOutput,
): Promise<MillraceError | undefined> {
  try {
    await publisher.publish(output)
    return undefined
  } catch (error) {
    if (!(error instanceof MillraceError) || !error.retryable) throw error
    const details = { output: output.uid, time: output.time, code: error.code }
    log.error(details, `cannot publish, trying again: ${error.message}`)
    return error
  }
}

const heldBy = (
  { time, uid }: StagedOutput,
  { code, message }: MillraceError,
  attempts: number,
  since: number,
): BlockedBatch => ({
  ...{ time, attempts, code, since },
  message: `it is committed, and output '${uid}' cannot be published: ${message}`,
})
