/**
 * What supervisor and daemon agree on: how hard to try again, and the messages of a daemon to its
 * supervisor. In a file of its own so that the supervisor loads nothing else.
 */

export interface SupervisionSettings {
  /** Deaths in a row without a commit between them, after which it gives up. */
  readonly maxRestarts: number
  readonly backoffMinMs: number
  readonly backoffMaxMs: number
  readonly stopTimeoutMs: number
  /** What a process that is to take over holds ready; undefined when there is to be none. */
  readonly standby: StandbyPlan | undefined
}

export interface StandbyPlan {
  readonly executors: number
  readonly executorMemoryMb: number
}

/** Hold until the daemon has read its configuration. */
export const SUPERVISION_DEFAULTS: SupervisionSettings = {
  maxRestarts: 5,
  backoffMinMs: 200,
  backoffMaxMs: 30_000,
  stopTimeoutMs: 30_000,
  standby: undefined,
}

/** What the supervisor tells a process that holds itself ready. */
export const TAKE_OVER = { kind: 'takeOver' }

export type DaemonMessage =
  | { readonly kind: 'settings'; readonly settings: SupervisionSettings }
  | { readonly kind: 'phase'; readonly recovering: boolean }
  /** Number of the newest commit, which never goes down, over all lives of the daemon. */
  | { readonly kind: 'commit'; readonly number: number }

/** Undefined for anything that is no message of ours. */
export function decodeDaemonMessage(value: unknown): DaemonMessage | undefined {
  if (!isRecord(value)) return undefined
  switch (value['kind']) {
    case 'phase':
      return typeof value['recovering'] === 'boolean'
        ? { kind: 'phase', recovering: value['recovering'] }
        : undefined
    case 'commit':
      return isCount(value['number']) ? { kind: 'commit', number: value['number'] } : undefined
    case 'settings': {
      const settings = decodeSettings(value['settings'])
      return settings && { kind: 'settings', settings }
    }
    default:
      return undefined
  }
}

function decodeSettings(value: unknown): SupervisionSettings | undefined {
  if (!isRecord(value)) return undefined
  const { maxRestarts, backoffMinMs, backoffMaxMs, stopTimeoutMs, standby } = {
    ...SUPERVISION_DEFAULTS,
    ...value,
  }
  return isCount(maxRestarts) &&
    isCount(backoffMinMs) &&
    isCount(backoffMaxMs) &&
    isCount(stopTimeoutMs)
    ? {
        ...{ maxRestarts, backoffMinMs, backoffMaxMs, stopTimeoutMs },
        standby: decodeStandby(standby),
      }
    : undefined
}

/** Undefined for anything that is no plan of ours. */
export function decodeStandby(value: unknown): StandbyPlan | undefined {
  if (!isRecord(value)) return undefined
  const { executors, executorMemoryMb } = value
  return isCount(executors) && isCount(executorMemoryMb)
    ? { executors, executorMemoryMb }
    : undefined
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
