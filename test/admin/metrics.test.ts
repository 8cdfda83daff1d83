/** Metrics: what the status says, each completed batch observed once. */
import { describe, expect, it } from 'vitest'
import { createMetrics } from '../../src/admin/metrics.ts'
import type { EngineStatus } from '../../src/engine/status.ts'
import { START, batch, engineStatus, waiting } from './fake-engine.ts'

/** Metric lines by name with labels. */
async function read(metrics: { text(): Promise<string> }): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => /^[a-z]/.test(line))
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}

describe('metrics', () => {
  it("give Spark's gauges and the log's figures", async () => {
    const values = await read(createMetrics(() => engineStatus()))
    const expected: Record<string, number> = {
      millrace_streaming_receivers: 1,
      millrace_streaming_completed_batches_total: 12,
      millrace_streaming_received_records_total: 170,
      millrace_streaming_processed_records_total: 150,
      millrace_streaming_unprocessed_batches: 2,
      millrace_streaming_waiting_batches: 1,
      millrace_streaming_running_batches: 1,
      millrace_streaming_retained_completed_batches: 2,
      millrace_streaming_last_completed_batch_submission_time: START + 2000,
      millrace_streaming_last_completed_batch_processing_start_time: START + 2010,
      millrace_streaming_last_completed_batch_processing_end_time: START + 2050,
      millrace_streaming_last_completed_batch_processing_delay: 40,
      millrace_streaming_last_completed_batch_scheduling_delay: 10,
      millrace_streaming_last_completed_batch_total_delay: 50,
      millrace_streaming_last_received_batch_submission_time: START + 4000,
      millrace_streaming_last_received_batch_processing_start_time: -1,
      millrace_streaming_last_received_batch_records: 30,
      millrace_ready: 1,
      millrace_log_syncs_total: 6,
      millrace_log_retained_bytes: 1000,
      millrace_executor_restarts_total: 3,
      'millrace_executors{state="ready"}': 1,
      'millrace_executors{state="dead"}': 1,
      'millrace_input_records_total{stream="0",uid="lines",name="socket lines"}': 60,
      'millrace_input_rejected_records_total{stream="0",uid="lines",name="socket lines"}': 2,
      'millrace_input_active{stream="0",uid="lines",name="socket lines"}': 1,
    }
    for (const [name, value] of Object.entries(expected)) {
      expect([name, values.get(name)]).toEqual([name, value])
    }
  })

  it('say -1 for a batch that never was, and nothing without an engine', async () => {
    const values = await read(createMetrics(() => engineStatus({ batches: [] })))
    expect(values.get('millrace_streaming_last_completed_batch_total_delay')).toBe(-1)
    expect(values.get('millrace_streaming_last_received_batch_records')).toBe(0)
    const none = await read(createMetrics(() => undefined))
    expect(none.get('millrace_batch_total_delay_seconds_count')).toBe(0)
  })

  it('observe each completed batch once, however often they are asked for', async () => {
    let status: EngineStatus = engineStatus()
    const metrics = createMetrics(() => status)
    metrics.observe()
    metrics.observe()
    expect((await read(metrics)).get('millrace_batch_processing_delay_seconds_count')).toBe(2)
    status = engineStatus({
      batches: [waiting(START + 5000, 1), batch(START + 4000, 1), batch(START + 3000, 1)],
    })
    const values = await read(metrics)
    expect(values.get('millrace_batch_processing_delay_seconds_count')).toBe(4)
    expect(values.get('millrace_batch_processing_delay_seconds_sum')).toBeCloseTo(0.22)
    expect(values.get('millrace_batch_total_delay_seconds_bucket{le="0.05"}')).toBe(3)
  })

  it('follow a status that goes down again (a new life of the log)', async () => {
    let groups = 7
    const metrics = createMetrics(() => engineStatus({ log: { ...engineStatus().log, groups } }))
    expect((await read(metrics)).get('millrace_log_groups_total')).toBe(7)
    groups = 1
    expect((await read(metrics)).get('millrace_log_groups_total')).toBe(1)
  })
})
