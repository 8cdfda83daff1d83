/** What a batch costs that has nothing to count. */
import { setTimeout as sleep } from 'node:timers/promises'
import { median, quantile } from '../judge.mjs'
import { startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'

const INTERVAL_MS = 50
const OPTIONS = { app: 'wordCount', name: 'word-count', intervalMs: INTERVAL_MS }

export async function empty({ warmSeconds, seconds }) {
  return await withServer(OPTIONS, async (server, load) => {
    load.rate(1000)
    await sleep(1000)
    load.rate(0)
    await sleep(warmSeconds * 1000)
    const cpu = startCpu({ driver: [server.driver], executors: server.executors, load: [load.pid] })
    const from = Date.now()
    await sleep(seconds * 1000)
    const cores = cpu()
    const elapsed = Date.now() - from
    const batches = (await server.batches()).filter(({ time }) => time > from)
    const work = batches.map((batch) => batch.work)
    const perBatch = (name) => (cores[name] * elapsed) / batches.length
    return {
      median: median(work),
      mean: work.reduce((sum, ms) => sum + ms, 0) / work.length,
      p99: quantile(work, 0.99),
      driverMs: perBatch('driver'),
      executorsMs: perBatch('executors'),
      cores,
    }
  })
}
