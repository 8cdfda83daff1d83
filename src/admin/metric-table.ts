/**
 * The metrics by name: Spark's `streaming.*` gauges as `millrace_streaming_*` (-1 while there is no
 * such batch, its record count 0; times in ms since the epoch), and what Spark has no word for.
 */
import { readinessOf } from './health.ts'
import type { BatchStatus, EngineStatus, InputStatus } from '../engine/status.ts'
import {
  hasRegistered,
  isCompleted,
  isReceiver,
  processingTime,
  schedulingDelay,
  totalDelay,
} from './streaming-view.ts'

export interface Sample {
  readonly name: string
  readonly help: string
  readonly kind: 'gauge' | 'counter'
  readonly value: (status: EngineStatus) => number
}

export interface LabelledSample {
  readonly name: string
  readonly help: string
  readonly kind: 'gauge' | 'counter'
  readonly labels: readonly string[]
  readonly values: (
    status: EngineStatus,
  ) => readonly (readonly [labels: Record<string, string>, value: number])[]
}

const gauge = (name: string, help: string, value: Sample['value']): Sample => ({
  name: `millrace_${name}`,
  help,
  kind: 'gauge',
  value,
})

/** The name must end in `_total`. */
const counter = (name: string, help: string, value: Sample['value']): Sample => ({
  name: `millrace_${name}`,
  help,
  kind: 'counter',
  value,
})

const count = (status: EngineStatus, is: (batch: BatchStatus) => boolean): number =>
  status.batches.filter(is).length

/** A gauge of the newest batch that fits. */
const ofBatch =
  (is: (batch: BatchStatus) => boolean, value: (batch: BatchStatus) => number | undefined) =>
  (status: EngineStatus): number => {
    const newest = status.batches.filter(is).toSorted((a, b) => b.time - a.time)[0]
    return (newest === undefined ? undefined : value(newest)) ?? -1
  }
const completed = (value: (batch: BatchStatus) => number | undefined): Sample['value'] =>
  ofBatch(isCompleted, value)
const received = (value: (batch: BatchStatus) => number | undefined): Sample['value'] =>
  ofBatch(() => true, value)
const yes = (value: boolean): number => (value ? 1 : 0)

const STREAMING: readonly Sample[] = [
  gauge(
    'streaming_receivers',
    'Receivers that have registered.',
    ({ inputs }) => inputs.filter((input) => isReceiver(input) && hasRegistered(input)).length,
  ),
  counter(
    'streaming_completed_batches_total',
    'Batches completed.',
    ({ totals }) => totals.completedBatches,
  ),
  counter(
    'streaming_received_records_total',
    'Records in batches begun.',
    ({ totals }) => totals.receivedRecords,
  ),
  counter(
    'streaming_processed_records_total',
    'Records in batches completed.',
    ({ totals }) => totals.processedRecords,
  ),
  gauge('streaming_unprocessed_batches', 'Batches waiting or running.', (status) =>
    count(status, (batch) => !isCompleted(batch)),
  ),
  gauge('streaming_waiting_batches', 'Batches waiting.', (status) =>
    count(status, (batch) => batch.status === 'QUEUED'),
  ),
  gauge('streaming_running_batches', 'Batches running or held.', (status) =>
    count(status, ({ status: s }) => s === 'PROCESSING' || s === 'BLOCKED'),
  ),
  gauge('streaming_retained_completed_batches', 'Completed batches the API still shows.', (s) =>
    count(s, isCompleted),
  ),
  gauge(
    'streaming_last_completed_batch_submission_time',
    'When the last completed batch was due, ms since the epoch.',
    completed((batch) => batch.submittedAt),
  ),
  gauge(
    'streaming_last_completed_batch_processing_start_time',
    'When its processing began, ms since the epoch.',
    completed((batch) => batch.startedAt),
  ),
  gauge(
    'streaming_last_completed_batch_processing_end_time',
    'When its processing ended, ms since the epoch.',
    completed((batch) => batch.endedAt),
  ),
  gauge(
    'streaming_last_completed_batch_processing_delay',
    'Its processing time in ms.',
    completed(processingTime),
  ),
  gauge(
    'streaming_last_completed_batch_scheduling_delay',
    'Its wait before processing in ms.',
    completed(schedulingDelay),
  ),
  gauge(
    'streaming_last_completed_batch_total_delay',
    'Both delays together in ms.',
    completed(totalDelay),
  ),
  gauge(
    'streaming_last_received_batch_submission_time',
    'When the newest batch was due, ms since the epoch.',
    received((batch) => batch.submittedAt),
  ),
  gauge(
    'streaming_last_received_batch_processing_start_time',
    'When its processing began, ms since the epoch.',
    received((batch) => batch.startedAt),
  ),
  gauge(
    'streaming_last_received_batch_processing_end_time',
    'When its processing ended, ms since the epoch.',
    received((batch) => batch.endedAt),
  ),
  gauge('streaming_last_received_batch_records', 'Records of the newest batch.', (status) =>
    Math.max(0, received((batch) => batch.records)(status)),
  ),
]

export const SAMPLES: readonly Sample[] = [
  ...STREAMING,
  gauge('ready', '1 when the engine runs, holds no batch and receives.', (s) =>
    yes(readinessOf(s, 0).ready),
  ),
  gauge('batch_blocked', '1 while a batch is held.', (s) => yes(s.blocked !== undefined)),
  gauge(
    'last_commit_number',
    'Number of the newest commit; -1 before it is known.',
    (s) => s.lastCommit?.number ?? -1,
  ),
  gauge(
    'catch_up_batches',
    'Empty batches still to be run after a downtime or a jump of the clock.',
    (s) => s.catchUpBatches,
  ),
  counter('batch_retries_total', 'Attempts after the first.', ({ totals }) => totals.retries),
  counter(
    'duplicate_records_total',
    'Records sent again and not counted.',
    ({ totals }) => totals.duplicates,
  ),
  counter(
    'executor_restarts_total',
    'Executors replaced.',
    ({ totals }) => totals.executorRestarts,
  ),
  gauge('log_retained_bytes', 'Bytes of the log on disk.', ({ log }) => log.retainedBytes),
  gauge('log_pinned_bytes', 'Bytes of the log still needed.', ({ log }) => log.pinnedBytes),
  gauge('log_quota_bytes', 'Receiving pauses at so many.', ({ log }) => log.quotaBytes),
  gauge('log_paused', '1 while receiving is paused.', ({ log }) => yes(log.paused)),
  counter('log_written_bytes_total', 'Bytes since the log began.', ({ log }) => log.end),
  counter('log_groups_total', 'Group commits of this process.', ({ log }) => log.groups),
  counter('log_syncs_total', 'Syncs of this process.', ({ log }) => log.syncs),
  counter('log_records_total', 'Log records written by this process.', ({ log }) => log.records),
]

const labelsOf = ({ name, shape }: InputStatus): Record<string, string> => ({
  stream: String(shape.streamId),
  uid: shape.uid,
  name,
})

const EXECUTOR_STATES = ['starting', 'ready', 'dead'] as const

export const LABELLED: readonly LabelledSample[] = [
  {
    name: 'millrace_executors',
    help: 'Executors by state.',
    kind: 'gauge',
    labels: ['state'],
    values: ({ executors }) =>
      EXECUTOR_STATES.map((state) => [
        { state },
        executors.filter((executor) => executor.state === state).length,
      ]),
  },
  {
    name: 'millrace_input_records_total',
    help: 'Records stored, by input.',
    kind: 'counter',
    labels: ['stream', 'uid', 'name'],
    values: ({ inputs }) => inputs.map((input) => [labelsOf(input), input.records]),
  },
  {
    name: 'millrace_input_rejected_records_total',
    help: 'Records left out (too long, not UTF-8), by input.',
    kind: 'counter',
    labels: ['stream', 'uid', 'name'],
    values: ({ inputs }) => inputs.map((input) => [labelsOf(input), input.rejected]),
  },
  {
    name: 'millrace_input_active',
    help: '1 while the receiver of the input runs.',
    kind: 'gauge',
    labels: ['stream', 'uid', 'name'],
    values: ({ inputs }) =>
      inputs.filter(isReceiver).map((input) => [labelsOf(input), yes(input.active)]),
  },
]
