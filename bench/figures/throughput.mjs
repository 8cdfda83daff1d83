/**
 * The highest rate a program sustains, found by stepping the load: up in large steps until it
 * fails, then into the gap. Between two steps the server may drain.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { isSustained, median } from '../judge.mjs'
import { startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'

const INTERVAL_MS = 500
const STEP = 1.5
const RATE_MAX = 5_000_000
const DRAIN_MS = 15_000
/** Room for the records of a batch at any rate that is tried. */
const FLAGS = ['--batch-bytes-max', '512mb']

/** `rate`: where the steps begin. `refine`: how often the gap is halved. */
export async function throughput({ app, name, rate, refine, warmSeconds, seconds }) {
  const options = { app, name, intervalMs: INTERVAL_MS, flags: FLAGS }
  return await withServer(options, async (server, load) => {
    load.rate(rate / 2)
    await sleep(warmSeconds * 1000)
    let best
    let failed = Infinity
    for (let next = rate; next <= RATE_MAX && next < failed; next *= STEP) {
      const tried = await step(server, load, next, seconds)
      if (tried.sustained) best = tried
      else failed = next
    }
    // Even the first step may be too much: then down until one holds.
    for (let next = rate / STEP; best === undefined && next > 1000; next /= STEP) {
      const tried = await step(server, load, next, seconds)
      if (tried.sustained) best = tried
      else failed = next
    }
    for (let i = 0; i < refine && best !== undefined; i++) {
      const tried = await step(server, load, (best.rate + failed) / 2, seconds)
      if (tried.sustained) best = tried
      else failed = tried.rate
    }
    return best ?? { rate: 0, linesPerSecond: 0, cores: {}, delayMs: NaN }
  })
}

async function step(server, load, rate, seconds) {
  load.rate(rate)
  await sleep((seconds * 1000) / 3)
  const cpu = startCpu({ driver: [server.driver], executors: server.executors, load: [load.pid] })
  const from = Date.now()
  const before = await load.sent()
  await sleep((seconds * 2000) / 3)
  const sent = (await load.sent()) - before
  const elapsed = (Date.now() - from) / 1000
  const cores = cpu()
  const until = Date.now()
  load.rate(0)
  await drained(server)
  const batches = (await server.batches()).filter(({ time }) => time > from && time <= until)
  const taken = batches.reduce((sum, { records }) => sum + records, 0)
  const spanMs = batches.length * INTERVAL_MS
  const tried = {
    rate,
    linesPerSecond: (taken / spanMs) * 1000,
    delayMs: median(batches.map(({ end }) => end)),
    cores,
    sustained: isSustained({
      batches,
      intervalMs: INTERVAL_MS,
      offered: rate,
      taken: Math.min(sent / elapsed, (taken / spanMs) * 1000),
    }),
  }
  const verdict = tried.sustained ? 'held' : 'failed'
  process.stderr.write(
    `  ${Math.round(rate)} lines/s: ${verdict}, ${Math.round(tried.linesPerSecond)} counted, ` +
      `delay ${Math.round(tried.delayMs)} ms\n`,
  )
  return tried
}

/** Waits until a batch on time had nothing to do. */
async function drained(server) {
  const until = Date.now() + DRAIN_MS
  while (Date.now() < until) {
    await sleep(INTERVAL_MS)
    const last = (await server.batches()).at(-1)
    if (last?.records === 0 && last.end < INTERVAL_MS) return
  }
}
