/**
 * kill -9 of the driver, under a supervisor and load, to the end of the first batch after it
 * (committed, published and cleaned), with a state of a million keys.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../judge.mjs'
import { startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'

const KEYS = 1_000_000
const FILL_RATE = 150_000
const LIVE_RATE = 10_000
const INTERVAL_MS = 200
const FILL_MS = 60_000
const RECOVER_MS = 60_000

export async function crash({ kills, settleSeconds, options = {} }) {
  const server = {
    ...{ app: 'keyed', name: 'keyed', intervalMs: INTERVAL_MS, numbered: true, supervise: true },
    flags: ['--param', `keys=${KEYS}`],
    ...options,
  }
  return await withServer(server, async (running, load) => {
    await fill(running, load)
    load.rate(LIVE_RATE)
    const times = []
    for (let i = 0; i < kills; i++) {
      await sleep(settleSeconds * 1000)
      times.push(await killed(running, load))
    }
    return { medianMs: median(times.map(({ ms }) => ms)), times }
  })
}

async function fill(server, load) {
  load.rate(FILL_RATE)
  const until = performance.now() + FILL_MS
  while ((await load.sent()) < KEYS && performance.now() < until) await sleep(20)
  load.rate(0)
  while (performance.now() < until) {
    const counted = (await server.metrics()).millrace_streaming_processed_records_total
    const last = (await server.batches()).at(-1)
    if (counted >= KEYS && last?.records === 0) return
    await sleep(INTERVAL_MS)
  }
  throw new Error(`the state was not filled: ${server.said()}`)
}

async function killed(server, load) {
  const cpu = startCpu({ load: [load.pid] })
  const at = Date.now()
  process.kill(server.driver, 'SIGKILL')
  const until = at + RECOVER_MS
  while (Date.now() < until) {
    await sleep(50)
    const batches = await server.batches().catch(() => [])
    const first = batches.find(({ time, end }) => time + end > at)
    if (first === undefined) continue
    const ms = first.time + first.end - at
    process.stderr.write(`  kill: ${ms} ms to a batch of ${first.records} records\n`)
    // What is not the load is the recovery itself here, or others: that cannot be told apart.
    return { ms, records: first.records, cores: { load: cpu().load } }
  }
  throw new Error(`no batch after the kill: ${server.said()}`)
}
