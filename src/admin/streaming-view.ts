/**
 * An engine's status in the words of Spark's REST API (`/api/v1/applications/[app]/streaming`): its
 * field names, its averages, its time format; a value that is not known yet is left out. Pure. One
 * word more than Spark's: a batch that is held has the status `BLOCKED`.
 */
import type { BatchStatus, EngineStatus, InputStatus } from '../engine/status.ts'

export interface StreamingStatistics {
  readonly startTime: string
  readonly batchDuration: number
  readonly numReceivers: number
  readonly numActiveReceivers: number
  readonly numInactiveReceivers: number
  readonly numTotalCompletedBatches: number
  readonly numRetainedCompletedBatches: number
  readonly numActiveBatches: number
  readonly numProcessedRecords: number
  readonly numReceivedRecords: number
  readonly avgInputRate?: number
  readonly avgSchedulingDelay?: number
  readonly avgProcessingTime?: number
  readonly avgTotalDelay?: number
}

export function statisticsOf(status: EngineStatus): StreamingStatistics {
  const { batches, totals, batchMs } = status
  const receivers = status.inputs.filter(isReceiver)
  const active = receivers.filter((input) => input.active).length
  const completed = batches.filter(isCompleted).length
  const rates = batches.map((batch) => rate(batch.records, batchMs))
  return {
    startTime: formatDate(status.startedAt),
    batchDuration: batchMs,
    numReceivers: receivers.filter(hasRegistered).length,
    numActiveReceivers: active,
    numInactiveReceivers: receivers.length - active,
    numTotalCompletedBatches: totals.completedBatches,
    numRetainedCompletedBatches: completed,
    numActiveBatches: batches.length - completed,
    numProcessedRecords: totals.processedRecords,
    numReceivedRecords: totals.receivedRecords,
    ...known('avgInputRate', mean(rates)),
    ...known('avgSchedulingDelay', mean(batches.map(schedulingDelay))),
    ...known('avgProcessingTime', mean(batches.map(processingTime))),
    ...known('avgTotalDelay', mean(batches.map(totalDelay))),
  }
}

export interface ReceiverView {
  readonly streamId: number
  readonly streamName: string
  readonly isActive?: boolean
  readonly executorId?: string
  readonly executorHost?: string
  readonly lastErrorTime?: string
  readonly lastErrorMessage?: string
  readonly lastError?: string
  readonly avgEventRate?: number
  readonly eventRates: readonly (readonly [batchTime: number, rate: number])[]
}

/** Every input stream, direct ones too, by id. */
export function receiversOf(status: EngineStatus): readonly ReceiverView[] {
  const inputs = status.inputs.toSorted((a, b) => a.shape.streamId - b.shape.streamId)
  return inputs.map((input) => receiverOf(status, input))
}

function receiverOf({ batches, batchMs }: EngineStatus, input: InputStatus): ReceiverView {
  const { streamId } = input.shape
  const eventRates = batches
    .toSorted((a, b) => a.time - b.time)
    .map((batch) => [batch.time, rate(batch.recordsByStream[streamId] ?? 0, batchMs)] as const)
  const place = input.shape.kind === 'receiver' ? 'receiver process' : 'driver'
  const { lastErrorTime, lastErrorMessage } = input
  return {
    streamId,
    streamName: input.name,
    ...(isReceiver(input)
      ? { isActive: input.active, executorId: place, executorHost: 'localhost' }
      : {}),
    ...known('lastErrorTime', lastErrorTime === undefined ? undefined : formatDate(lastErrorTime)),
    ...known('lastErrorMessage', lastErrorMessage),
    ...known('lastError', lastErrorMessage),
    ...known('avgEventRate', mean(eventRates.map(([, perSecond]) => perSecond))),
    eventRates,
  }
}

export interface BatchView {
  readonly batchId: number
  readonly batchTime: string
  readonly status: BatchStatus['status']
  readonly batchDuration: number
  readonly inputSize: number
  readonly schedulingDelay?: number
  readonly processingTime?: number
  readonly totalDelay?: number
  readonly numActiveOutputOps: number
  readonly numCompletedOutputOps: number
  readonly numFailedOutputOps: number
  readonly numTotalOutputOps: number
  readonly firstFailureReason?: string
}

/** Newest first. No filter means all. */
export function batchesOf(
  status: EngineStatus,
  statuses: readonly string[] = [],
): readonly BatchView[] {
  return status.batches
    .filter((batch) => statuses.length === 0 || statuses.includes(batch.status))
    .toSorted((a, b) => b.time - a.time)
    .map((batch) => batchOf(batch, status.batchMs))
}

export function batchOf(batch: BatchStatus, batchMs: number): BatchView {
  const { outputs } = batch
  const having = (status: BatchStatus['outputs'][number]['status']): number =>
    outputs.filter((output) => output.status === status).length
  const failure = outputs.find((output) => output.status === 'failed')?.error ?? batch.error
  return {
    batchId: batch.time,
    batchTime: formatDate(batch.time),
    status: batch.status,
    batchDuration: batchMs,
    inputSize: batch.records,
    ...known('schedulingDelay', schedulingDelay(batch)),
    ...known('processingTime', processingTime(batch)),
    ...known('totalDelay', totalDelay(batch)),
    numActiveOutputOps: having('running'),
    numCompletedOutputOps: having('completed'),
    numFailedOutputOps: having('failed'),
    numTotalOutputOps: outputs.length,
    ...known('firstFailureReason', failure),
  }
}

export interface OperationView {
  readonly outputOpId: number
  readonly name: string
  readonly description: string
  readonly startTime?: string
  readonly endTime?: string
  readonly duration?: number
  readonly failureReason?: string
  readonly jobIds: readonly number[]
}

/** The outputs of a batch are computed together: its times are the times of each. */
export function operationsOf(batch: BatchStatus): readonly OperationView[] {
  const { startedAt, endedAt } = batch
  return batch.outputs
    .toSorted((a, b) => a.outputId - b.outputId)
    .map((output) => ({
      outputOpId: output.outputId,
      name: output.uid,
      description: output.description,
      ...known('startTime', startedAt === undefined ? undefined : formatDate(startedAt)),
      ...known('endTime', endedAt === undefined ? undefined : formatDate(endedAt)),
      ...known('duration', processingTime(batch)),
      ...known('failureReason', output.error),
      jobIds: [],
    }))
}

export const schedulingDelay = ({ submittedAt, startedAt }: BatchStatus): number | undefined =>
  startedAt === undefined ? undefined : startedAt - submittedAt

export const processingTime = ({ startedAt, endedAt }: BatchStatus): number | undefined =>
  startedAt === undefined || endedAt === undefined ? undefined : endedAt - startedAt

export const totalDelay = ({ submittedAt, endedAt }: BatchStatus): number | undefined =>
  endedAt === undefined ? undefined : endedAt - submittedAt

const DIRECT: ReadonlySet<InputStatus['shape']['kind']> = new Set(['queue', 'sequence'])

export const isReceiver = (input: InputStatus): boolean => !DIRECT.has(input.shape.kind)

/** Ever, as far as can be told: it runs, or has left a trace of having run. */
export const hasRegistered = (input: InputStatus): boolean =>
  input.active || input.records > 0 || input.lastErrorTime !== undefined

export const isCompleted = (batch: BatchStatus): boolean => batch.status === 'COMPLETED'

/** `2026-01-31T12:00:00.000GMT`, as Spark writes dates. */
export const formatDate = (ms: number): string => new Date(ms).toISOString().replace('Z', 'GMT')

const rate = (records: number, batchMs: number): number => (records * 1000) / batchMs

function mean(values: readonly (number | undefined)[]): number | undefined {
  const present = values.filter((value) => value !== undefined)
  if (present.length === 0) return undefined
  return present.reduce((sum, value) => sum + value, 0) / present.length
}

/** An object with the field, or without it: unknown fields are left out of the JSON. */
function known<N extends string, V>(name: N, value: V | undefined): Partial<Record<N, V>>
function known(name: string, value: unknown): object {
  return value === undefined ? {} : { [name]: value }
}
