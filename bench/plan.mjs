/** Which figures are measured for how long, and how each becomes rows of the table. */
import { setTimeout as sleep } from 'node:timers/promises'
import { crash } from './figures/crash.mjs'
import { empty } from './figures/empty.mjs'
import { ingest } from './figures/ingest.mjs'
import { interval } from './figures/interval.mjs'
import { memory } from './figures/memory.mjs'
import { stateCost } from './figures/state.mjs'
import { throughput } from './figures/throughput.mjs'
import { grepLimit, wordLimit } from './limits.mjs'
import { withServer } from './server.mjs'
import { cores, count, ms, share, size } from './table.mjs'

export const FIGURES = {
  async ingest(quick) {
    const time = quick ? [2, 4, 1] : [4, 15, 4]
    const [warmSeconds, seconds, limitSeconds] = time
    const found = await ingest({ warmSeconds, seconds, limitSeconds })
    const { linesPerSecond, bytesASync, limitLinesPerSecond, ratio } = found
    return [
      [
        'durable ingest over TCP',
        `${count(linesPerSecond)} lines/s, ${count(bytesASync)} bytes a sync`,
        `append + fdatasync alone: ${count(limitLinesPerSecond)}`,
        share(ratio),
        cores(found.cores),
      ],
    ]
  },

  async grep(quick) {
    const limit = grepLimit(quick ? 1 : 3)
    const program = { app: 'grep', name: 'grep', rate: 400_000 }
    return [throughputRow('grep', 'split, search', limit, await stepped(program, quick))]
  },

  async wordCount(quick) {
    const limit = wordLimit(quick ? 1 : 3)
    const program = { app: 'wordCount', name: 'word-count', rate: 150_000 }
    const found = await stepped(program, quick)
    return [throughputRow('stateful word count', 'split, count', limit, found)]
  },

  async interval(quick) {
    const trySeconds = quick ? 3 : 6
    const found = await interval({ warmSeconds: 3, trySeconds, seconds: quick ? trySeconds : 60 })
    const head = 'smallest interval at 100,000 lines/s'
    if (found === undefined) return [[head, 'none was held', '', '', '']]
    const { late, startP99, work, workP99 } = found
    const told = `work ${ms(work)}, p99 ${ms(workP99)}, start p99 ${ms(startP99)}`
    return [
      [
        head,
        `${found.ms} ms for ${found.seconds} s: ${told}, late ${(late * 100).toFixed(1)} %`,
        '',
        '',
        cores(found.cores),
      ],
    ]
  },

  async crash(quick) {
    const found = await crash({ kills: quick ? 1 : 5, settleSeconds: quick ? 2 : 4 })
    const all = found.times.map((one) => ms(one.ms)).join(', ')
    return [
      [
        'kill -9 to first batch, 1 M keys',
        `${ms(found.medianMs)} (${all})`,
        '',
        '',
        cores(found.times[0].cores),
      ],
    ]
  },

  async memory(quick) {
    const found = await memory({ idleSeconds: quick ? 2 : 5, seconds: quick ? 4 : 15 })
    const row = (name, { driver, executors, sum }) => {
      const each = `driver ${size(driver)}, executors ${executors.map(size).join(' and ')}`
      return [name, `${size(sum)}: ${each}`, '', '']
    }
    return [
      [...row('memory, idle', found.idle), ''],
      [...row('memory at 100,000 lines/s', found.loaded), cores(found.cores)],
    ]
  },

  async state(quick) {
    const found = await stateCost({
      large: quick ? 1_000_000 : 10_000_000,
      batches: quick ? 15 : 40,
    })
    const { large, touched, smallMs, largeMs, memoryBytes, loadMs } = found
    const updates = count((touched / smallMs) * 1000)
    return [
      [
        `state: ${count(touched)} of ${count(large)} keys touched, committed`,
        `${ms(largeMs)}; loaded in ${ms(loadMs)}, ${size(memoryBytes)}`,
        `of 100,000 keys: ${ms(smallMs)}, ${updates} updates/s`,
        share(largeMs / smallMs),
        '',
      ],
    ]
  },

  async empty(quick) {
    const found = await empty({ warmSeconds: 2, seconds: quick ? 3 : 15 })
    const work = `work ${ms(found.median)} (mean ${ms(found.mean)}, p99 ${ms(found.p99)})`
    const cpu = `processor: driver ${ms(found.driverMs)}, executors ${ms(found.executorsMs)}`
    return [['empty batch', `${work}; ${cpu}`, '', '', cores(found.cores)]]
  },
}

async function stepped(program, quick) {
  return await throughput({
    ...program,
    refine: quick ? 0 : 3,
    warmSeconds: quick ? 2 : 5,
    seconds: quick ? 4 : 12,
  })
}

function throughputRow(name, what, limit, found) {
  const { linesPerSecond, delayMs } = found
  return [
    name,
    `${count(linesPerSecond)} lines/s, delay ${ms(delayMs)} of 500 ms batches`,
    `${what} in one process: ${count(limit)}`,
    share(linesPerSecond / limit),
    cores(found.cores),
  ]
}

/** Short runs that write profiles into a directory. */
export const PROFILES = {
  async ingest(profiles, quick) {
    // Batches that keep up with the input: a backlog would be worked off before the end is told.
    const options = { profiles, flags: ['--batch-bytes-max', '1GiB'] }
    await ingest({ warmSeconds: 2, seconds: quick ? 2 : 6, limitSeconds: 0, options })
  },
  grep: underLoad({ app: 'grep', name: 'grep', intervalMs: 500 }, 500_000),
  wordCount: underLoad({ app: 'wordCount', name: 'word-count', intervalMs: 500 }, 150_000),
  interval: underLoad({ app: 'wordCount', name: 'word-count', intervalMs: 50 }, 100_000),
}

function underLoad(options, rate) {
  return async (profiles, quick) => {
    await withServer({ ...options, profiles }, async (_server, load) => {
      load.rate(rate)
      await sleep(quick ? 4000 : 10_000)
      load.rate(0)
      await sleep(1000)
    })
  }
}
