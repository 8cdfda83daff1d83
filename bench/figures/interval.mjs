/** The smallest interval a stateful word count keeps at 100,000 lines a second. */
import { setTimeout as sleep } from 'node:timers/promises'
import { isHeld, lateShare, median, quantile } from '../judge.mjs'
import { startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'

const RATE = 100_000
const INTERVALS = [200, 100, 50, 25, 15]
/** The server keeps its last 1000 batches: they are fetched before any is forgotten. */
const FETCH_BATCHES = 400

/** Short tries downwards; the smallest that held is then held for `seconds`, else a larger one. */
export async function interval({ warmSeconds, trySeconds, seconds }) {
  let held = []
  for (const ms of INTERVALS) {
    const tried = await attempt(ms, warmSeconds, trySeconds)
    if (!tried.held) break
    held.unshift(tried)
  }
  if (seconds <= trySeconds) return held[0]
  for (const { ms } of held) {
    const tried = await attempt(ms, warmSeconds, seconds)
    if (tried.held) return tried
  }
  return undefined
}

async function attempt(ms, warmSeconds, seconds) {
  const options = { app: 'wordCount', name: 'word-count', intervalMs: ms }
  return await withServer(options, async (server, load) => {
    load.rate(RATE / 2)
    await sleep((warmSeconds * 1000) / 2)
    load.rate(RATE)
    await sleep((warmSeconds * 1000) / 2)
    const pids = { driver: [server.driver], executors: server.executors, load: [load.pid] }
    const cpu = startCpu(pids)
    const from = Date.now()
    const until = from + seconds * 1000
    const found = new Map()
    while (Date.now() < until) {
      await sleep(Math.min(until - Date.now(), ms * FETCH_BATCHES))
      for (const batch of await server.batches()) found.set(batch.time, batch)
    }
    const cores = cpu()
    const batches = [...found.values()].filter(({ time }) => time > from && time <= until - ms)
    const expected = (until - from) / ms - 2
    const starts = batches.map(({ start }) => start)
    const result = {
      ms,
      seconds,
      held: isHeld({ batches, intervalMs: ms, expected }),
      late: lateShare(batches, ms),
      startP50: median(starts),
      startP99: quantile(starts, 0.99),
      work: median(batches.map(({ work }) => work)),
      workP99: quantile(
        batches.map(({ work }) => work),
        0.99,
      ),
      cores,
    }
    process.stderr.write(
      `  ${ms} ms for ${seconds} s: ${result.held ? 'held' : 'failed'}, late ` +
        `${(result.late * 100).toFixed(2)} %, work ${result.work} ms, p99 ${result.workP99} ms, ` +
        `start p99 ${result.startP99} ms\n`,
    )
    return result
  })
}
