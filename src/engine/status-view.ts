/** Puts together what the engine tells of itself. */
import { pinsOf } from '../blocks/pins.ts'
import type { History } from './history.ts'
import type { Intake } from './intake.ts'
import type { Progress } from './layout.ts'
import type { Receivers } from './receivers.ts'
import type { Opened } from './recovery.ts'
import type { EngineSettings } from './settings.ts'
import type { EngineStatus } from './status.ts'

export interface StatusParts {
  readonly phase: EngineStatus['phase']
  readonly startedAt: number
  readonly recovery: EngineStatus['recovery']
  readonly settings: EngineSettings
  readonly opened: Opened | undefined
  readonly progress: Progress | undefined
  readonly blocked: EngineStatus['blocked']
  readonly receivers: Receivers | undefined
  readonly intake: Intake | undefined
  readonly history: History | undefined
  readonly executorRestarts: number
  readonly catchUpBatches: number
}

const NO_TOTALS = {
  completedBatches: 0,
  receivedRecords: 0,
  processedRecords: 0,
  retries: 0,
  duplicates: 0,
}

export function statusOf(parts: StatusParts): EngineStatus {
  const { opened, progress } = parts
  return {
    application: opened?.shape.application ?? '',
    phase: parts.phase,
    startedAt: parts.startedAt,
    recovery: parts.recovery,
    batchMs: opened?.shape.batchMs ?? 0,
    catchUpBatches: parts.catchUpBatches,
    lastCommit:
      opened === undefined || progress === undefined
        ? undefined
        : { number: opened.checkpoint.root.number, time: progress.time },
    blocked: parts.blocked,
    inputs: parts.receivers?.statuses() ?? [],
    states: opened?.shape.states ?? [],
    executors: opened?.team.statuses() ?? [],
    log: logStatus(parts),
    batches: parts.history?.batches() ?? [],
    totals: {
      ...(parts.history?.totals() ?? NO_TOTALS),
      executorRestarts: parts.executorRestarts,
    },
  }
}

function logStatus({ opened, intake, progress, settings }: StatusParts): EngineStatus['log'] {
  const log = opened?.blocks.log
  return {
    start: log?.start ?? 0,
    end: log?.end ?? 0,
    durable: log?.durable ?? 0,
    retainedBytes: log?.retainedBytes ?? 0,
    pinnedBytes: opened?.blocks.pinnedBytes ?? 0,
    quotaBytes: settings.logQuotaBytes,
    bytesPerSecond: opened?.blocks.rate,
    paused: intake?.paused !== undefined,
    pausedBy: intake?.paused,
    pins: opened === undefined ? [] : pinsOf(opened.blocks.tracker, progress?.time ?? 0),
    segments: log?.segments ?? 0,
    groups: log?.statistics.groups ?? 0,
    syncs: log?.statistics.syncs ?? 0,
    records: log?.statistics.records ?? 0,
  }
}
