/** An engine view at the test's command. */
import type { InputShape } from '../../src/dstream/shape.ts'
import type { EngineView } from '../../src/admin/engine-view.ts'
import type { QueryAnswer } from '../../src/executor/attempt.ts'
import type { BatchStatus, EngineStatus } from '../../src/engine/status.ts'

export const START = Date.UTC(2026, 0, 31, 12)

const place = { operator: 'socketTextStream', location: 'app.ts:3:5' }

export const output = (
  outputId: number,
  status: BatchStatus['outputs'][number]['status'],
  error?: string,
): BatchStatus['outputs'][number] => ({
  outputId,
  uid: `print-${String(outputId)}`,
  description: `print at app.ts:${String(outputId)}:1`,
  status,
  ...(error === undefined ? {} : { error }),
})

/** A completed batch of `records`, due at `time`, that waited 10 ms and took 40 ms. */
export const batch = (
  time: number,
  records: number,
  changes: Partial<BatchStatus> = {},
): BatchStatus => ({
  time,
  status: 'COMPLETED',
  records,
  recordsByStream: { 0: records },
  attempts: 1,
  submittedAt: time,
  startedAt: time + 10,
  endedAt: time + 50,
  outputs: [output(0, 'completed'), output(1, 'completed')],
  ...changes,
})

export const waiting = (time: number, records: number): BatchStatus => ({
  time,
  status: 'QUEUED',
  records,
  recordsByStream: { 0: records },
  attempts: 0,
  submittedAt: time,
  outputs: [output(0, 'waiting'), output(1, 'waiting')],
})

export const running = (time: number, records: number): BatchStatus => ({
  ...waiting(time, records),
  status: 'PROCESSING',
  attempts: 1,
  startedAt: time + 10,
  outputs: [output(0, 'running'), output(1, 'waiting')],
})

const inputShape = (n: number, uid: string, kind: InputShape['kind']): InputShape => ({
  ...{ streamId: n, uid, derived: false, kind, parameters: {}, node: n, place },
})

export const engineStatus = (changes: Partial<EngineStatus> = {}): EngineStatus => ({
  application: 'word count',
  phase: 'running',
  startedAt: START,
  recovery: { step: 'running', index: 8, steps: 8, done: 0, total: 0 },
  batchMs: 1000,
  catchUpBatches: 0,
  lastCommit: { number: 2, time: START + 2000 },
  blocked: undefined,
  inputs: [
    {
      shape: inputShape(1, 'seq', 'sequence'),
      name: 'sequence seq',
      active: false,
      records: 0,
      rejected: 0,
    },
    {
      shape: inputShape(0, 'lines', 'socketText'),
      name: 'socket lines',
      active: true,
      records: 60,
      rejected: 2,
      lastErrorTime: START + 500,
      lastErrorMessage: 'connection refused',
    },
  ],
  states: [
    { uid: 'total', derived: false, partitions: 16, codecVersion: 1, idle: 'call', node: 2, place },
  ],
  executors: [
    { rank: 0, pid: 10, state: 'ready', restarts: 0 },
    { rank: 1, pid: undefined, state: 'dead', restarts: 3 },
  ],
  log: {
    start: 0,
    end: 1000,
    durable: 900,
    segments: 1,
    pins: [],
    retainedBytes: 1000,
    pinnedBytes: 300,
    quotaBytes: 10_000,
    paused: false,
    pausedBy: undefined,
    bytesPerSecond: undefined,
    groups: 7,
    syncs: 6,
    records: 20,
  },
  batches: [
    waiting(START + 4000, 30),
    running(START + 3000, 20),
    batch(START + 2000, 40),
    batch(START + 1000, 10, { endedAt: START + 1110 }),
  ],
  totals: {
    completedBatches: 12,
    receivedRecords: 170,
    processedRecords: 150,
    retries: 1,
    executorRestarts: 3,
    duplicates: 5,
  },
  ...changes,
})

export const engineView = (
  status: () => EngineStatus,
  answer: (uid: string, key: unknown) => Promise<QueryAnswer> = () =>
    Promise.resolve({ kind: 'absent' }),
  retryHeld: EngineView['retryHeld'] = () => undefined,
): EngineView => ({
  status,
  queryState: answer,
  retryHeld,
  backup: () => Promise.reject(new Error('nobody backs this up')),
})
