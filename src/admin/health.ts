/**
 * Whether the server lives, has started, and can take records and count them; and in words, why
 * not. Pure.
 */
import { formatDuration } from '../base/time.ts'
import { pinWords } from '../blocks/pins.ts'
import { isReceiver } from './streaming-view.ts'
import type { EngineStatus } from '../engine/status.ts'

export interface Startup {
  readonly started: boolean
  readonly phase: EngineStatus['phase']
  readonly recovery: EngineStatus['recovery'] | undefined
}

export function startupOf(status: EngineStatus | undefined): Startup {
  if (status === undefined) return { started: false, phase: 'starting', recovery: undefined }
  const started = status.phase !== 'starting' && status.phase !== 'failed'
  return { started, phase: status.phase, recovery: status.recovery }
}

const RETRY =
  'When the cause is gone: POST /api/v1/applications/APP/streaming/batches/retry; ' +
  'where the program is at fault, start a repaired one'

export type NotReady =
  | { readonly kind: 'starting'; readonly message: string }
  | { readonly kind: 'recovering'; readonly message: string; readonly step: string }
  | { readonly kind: 'blocked'; readonly message: string; readonly batchTime: number }
  | { readonly kind: 'paused'; readonly message: string }
  | { readonly kind: 'closed'; readonly message: string }
  | { readonly kind: 'ending'; readonly message: string }

export interface Readiness {
  readonly ready: boolean
  readonly reasons: readonly NotReady[]
}

export function readinessOf(status: EngineStatus | undefined, now: number): Readiness {
  const reasons = reasonsOf(status, now)
  return { ready: reasons.length === 0, reasons }
}

function reasonsOf(status: EngineStatus | undefined, now: number): NotReady[] {
  if (status === undefined) return [{ kind: 'starting', message: 'the engine is being made' }]
  const reasons: NotReady[] = []
  const { phase, recovery, blocked, log } = status
  if (phase === 'starting') {
    reasons.push({ kind: 'recovering', message: progress(recovery), step: recovery.step })
  } else if (phase !== 'running') {
    reasons.push({ kind: 'ending', message: `the engine is ${phase}` })
  }
  if (blocked !== undefined) {
    const place = blocked.place === undefined ? '' : ` at ${blocked.place}`
    const since = formatDuration(Math.max(0, now - blocked.since))
    reasons.push({
      kind: 'blocked',
      batchTime: blocked.time,
      message:
        `batch ${String(blocked.time)} is held since ${since} after ` +
        `${String(blocked.attempts)} attempts: ${blocked.code}${place}: ${blocked.message}. ` +
        RETRY,
    })
  }
  if (log.paused) reasons.push({ kind: 'paused', message: pauseMessage(log) })
  if (phase === 'running') reasons.push(...closed(status))
  return reasons
}

const pauseMessage = (log: EngineStatus['log']): string =>
  log.pausedBy === 'disk'
    ? 'receiving is paused: less is free on the disk than is kept in reserve (diskReserveBytes); ' +
      'it goes on by itself when there is room'
    : `receiving is paused: ${String(log.retainedBytes)} bytes of the log are kept, ` +
      `${String(log.pinnedBytes)} of them still needed; the quota is ${String(log.quotaBytes)}` +
      pinnedBy(log.pins)

function pinnedBy(pins: EngineStatus['log']['pins']): string {
  return pins.length === 0 ? '' : `; pinned by ${pins.map((pin) => pinWords(pin)).join(', ')}`
}

/** Inputs that do not receive: a port that is taken, a server that cannot be reached. */
function closed({ inputs }: EngineStatus): NotReady[] {
  return inputs
    .filter((input) => isReceiver(input) && !input.active)
    .map(({ shape, lastErrorMessage }) => ({
      kind: 'closed',
      message: `input '${shape.uid}' does not receive: ${lastErrorMessage ?? 'not connected yet'}`,
    }))
}

/** `reading the log (3 of 8), 40 of 100` */
function progress({ step, index, steps, done, total }: EngineStatus['recovery']): string {
  const at = `${step} (${String(index + 1)} of ${String(steps)})`
  return total > 0 ? `${at}, ${String(done)} of ${String(total)}` : at
}
