/**
 * Loaded before everything else into each process of a server that is profiled (`--import`): the
 * main thread's CPU profile, from its first line to its exit or for `BENCH_PROFILE_MS`, goes into
 * `BENCH_PROFILES`. It is not part of what is measured otherwise.
 */
import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { join } from 'node:path'
import { isMainThread } from 'node:worker_threads'

const INTERVAL_US = 500

if (isMainThread) start()

function start() {
  const session = new Session()
  session.connect()
  session.post('Profiler.enable')
  session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US })
  session.post('Profiler.start')
  let done = false
  const finish = () => {
    if (done) return
    done = true
    // In one process the answer comes before `post` returns.
    session.post('Profiler.stop', (error, result) => {
      if (error !== null) return
      const file = join(process.env.BENCH_PROFILES, `${process.pid}-${Date.now()}.cpuprofile`)
      writeFileSync(file, JSON.stringify(result.profile))
    })
  }
  process.on('exit', finish)
  const ms = Number(process.env.BENCH_PROFILE_MS ?? 0)
  if (ms > 0) setTimeout(finish, ms).unref()
}
