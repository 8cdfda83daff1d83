/**
 * Prometheus metrics of an engine, in a registry of their own. Gauges and counters are read from
 * the status when they are asked for; delays of completed batches are observed once each, so
 * `observe` must be called more often than the status forgets batches.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { assert } from '../base/assert.ts'
import type { BatchStatus, EngineStatus } from '../engine/status.ts'
import { LABELLED, SAMPLES } from './metric-table.ts'
import { isCompleted, processingTime, schedulingDelay, totalDelay } from './streaming-view.ts'

const DELAY_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

export interface Metrics {
  readonly contentType: string
  /** Takes in the batches that were completed since the last call. */
  observe(): void
  text(): Promise<string>
}

/** `read` gives undefined while there is no engine yet. */
export function createMetrics(read: () => EngineStatus | undefined): Metrics {
  const registry = new Registry()
  const reading = new Reading(read)
  for (const { name, help, kind, value } of SAMPLES) {
    const collect = function (this: Counter | Gauge): void {
      this.reset()
      const status = reading.status
      if (status !== undefined) this.inc(value(status))
    }
    const options = { name, help, registers: [registry], collect }
    assert(kind === 'gauge' ? !name.endsWith('_total') : name.endsWith('_total'), name)
    if (kind === 'gauge') new Gauge(options)
    else new Counter(options)
  }
  for (const { name, help, kind, labels, values } of LABELLED) {
    const collect = function (this: Counter | Gauge): void {
      this.reset()
      const status = reading.status
      for (const [label, value] of status === undefined ? [] : values(status))
        this.inc(label, value)
    }
    const options = { name, help, labelNames: [...labels], registers: [registry], collect }
    if (kind === 'gauge') new Gauge(options)
    else new Counter(options)
  }
  const delays = delayHistograms(registry)
  let lastSeen = -Infinity
  const observe = (): void => {
    reading.renew()
    const fresh = (reading.status?.batches ?? []).filter(
      (batch) => isCompleted(batch) && batch.time > lastSeen,
    )
    for (const batch of fresh) {
      for (const { histogram, of } of delays) {
        const ms = of(batch)
        if (ms !== undefined) histogram.observe(ms / 1000)
      }
      lastSeen = Math.max(lastSeen, batch.time)
    }
  }
  return {
    contentType: registry.contentType,
    observe,
    text: async () => {
      observe()
      return await registry.metrics()
    },
  }
}

/** One status for all metrics of a scrape, so that they agree with each other. */
class Reading {
  readonly #read: () => EngineStatus | undefined
  status: EngineStatus | undefined

  constructor(read: () => EngineStatus | undefined) {
    this.#read = read
  }

  renew(): void {
    this.status = this.#read()
  }
}

function delayHistograms(registry: Registry): readonly {
  readonly histogram: Histogram
  readonly of: (batch: BatchStatus) => number | undefined
}[] {
  const histogram = (name: string, help: string): Histogram =>
    new Histogram({ name, help, buckets: DELAY_SECONDS, registers: [registry] })
  return [
    {
      histogram: histogram(
        'millrace_batch_scheduling_delay_seconds',
        'From the batch being due to its start.',
      ),
      of: schedulingDelay,
    },
    {
      histogram: histogram(
        'millrace_batch_processing_delay_seconds',
        'From the start of a batch to its end, all attempts.',
      ),
      of: processingTime,
    },
    {
      histogram: histogram(
        'millrace_batch_total_delay_seconds',
        'From the batch being due to its end.',
      ),
      of: totalDelay,
    },
  ]
}
