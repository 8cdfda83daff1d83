/** Durable ingest: 100-byte lines over TCP into the log, synced, as fast as they are taken. */
import { setTimeout as sleep } from 'node:timers/promises'
import { diskLimit } from '../limits.mjs'
import { startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'
import { LINE_BYTES } from '../text.mjs'

const OPTIONS = { app: 'ingest', name: 'ingest', intervalMs: 1000 }

export async function ingest({ warmSeconds, seconds, limitSeconds, options = {} }) {
  return await withServer({ ...OPTIONS, ...options }, async (server, load) => {
    load.rate(null)
    await sleep(warmSeconds * 1000)
    const cpu = startCpu({
      driver: [server.driver],
      executors: server.executors,
      load: [load.pid],
    })
    const began = performance.now()
    const before = await server.metrics()
    await sleep(seconds * 1000)
    const after = await server.metrics()
    const elapsed = (performance.now() - began) / 1000
    const cores = cpu()
    load.rate(0)
    const gained = (name) => after[name] - before[name]
    const bytes = gained('millrace_log_written_bytes_total')
    const bytesASync = bytes / gained('millrace_log_syncs_total')
    const linesPerSecond = gained('millrace_input_records_total') / elapsed
    const limit = limitSeconds === 0 ? NaN : diskLimit(bytesASync, limitSeconds)
    return {
      linesPerSecond,
      bytesASync,
      limitLinesPerSecond: limit / LINE_BYTES,
      ratio: bytes / elapsed / limit,
      cores,
    }
  })
}
