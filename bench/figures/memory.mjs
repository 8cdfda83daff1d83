/** Resident memory of driver and executors, with nothing to do and under load. */
import { setTimeout as sleep } from 'node:timers/promises'
import { rssBytes, startCpu } from '../proc.mjs'
import { withServer } from '../server.mjs'

const RATE = 100_000
const OPTIONS = { app: 'wordCount', name: 'word-count', intervalMs: 1000 }

export async function memory({ idleSeconds, seconds }) {
  return await withServer(OPTIONS, async (server, load) => {
    await sleep(idleSeconds * 1000)
    const idle = resident(server)
    load.rate(RATE)
    await sleep(seconds * 500)
    const cpu = startCpu({ driver: [server.driver], executors: server.executors, load: [load.pid] })
    let loaded = resident(server)
    for (const until = performance.now() + seconds * 500; performance.now() < until;) {
      await sleep(250)
      const now = resident(server)
      if (now.sum > loaded.sum) loaded = now
    }
    return { idle, loaded, rate: RATE, cores: cpu() }
  })
}

function resident(server) {
  const driver = rssBytes(server.driver)
  const executors = server.executors.map(rssBytes)
  return { driver, executors, sum: executors.reduce((sum, bytes) => sum + bytes, driver) }
}
