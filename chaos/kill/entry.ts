/**
 * The daemon's command line on a mortal host: the same supervisor, the same command, the same
 * engine. Each life takes the plan of its number and dies by it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startAdminServer } from '../../src/admin/server.ts'
import { commandLine } from '../../src/daemon/command-line.ts'
import { runProcess } from '../../src/daemon/process.ts'
import { standbyHost } from '../../src/daemon/standby.ts'
import type { StandbyPlan } from '../../src/daemon/supervision.ts'
import type { Host } from '../../src/host/host.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { nodeShell } from '../../src/host/node-shell.ts'
import { writeEvent } from './events.ts'
import { mortalHost } from './mortal-host.ts'
import { lifePlans, type LifePlan, type Phase } from './plan.ts'
import { Reaper } from './reaper.ts'
import { OUTPUTS, readSettings, type Settings, SETTINGS_VARIABLE } from './settings.ts'

const UNHARMED: LifePlan = { executors: [], driver: undefined, stores: 'together' }

const shell = nodeShell(fileURLToPath(import.meta.url))

await runProcess(shell, nodeClock, {
  async command(prepared) {
    const settings = readSettings(process.env[SETTINGS_VARIABLE] ?? '')
    return await commandLine(shell, mortal(settings, prepared ?? nodeHost), startAdminServer)
  },
  // A life begins when it is its turn; until then nothing can be lost.
  prepare: (plan: StandbyPlan) => standbyHost(nodeHost, plan),
})

function mortal(settings: Settings, host: Host): Host {
  const { events } = settings
  const life = beginLife(settings.lifeFile)
  writeEvent(events, { kind: 'start', life, at: Date.now(), pid: process.pid })
  const plan = lifePlans(settings.seed, settings.cycles)[life - 1] ?? UNHARMED
  const children = new Set<number>()
  const reaper = new Reaper({
    plan,
    outputs: OUTPUTS.length,
    after: (ms, f) => {
      setTimeout(f, ms).unref()
    },
    tell: (news) => {
      const when = { life, at: Date.now() }
      if (typeof news === 'string') writeEvent(events, { ...when, kind: news })
      else writeEvent(events, { ...when, kind: 'live', effects: news.live })
    },
    fire: (phase: Phase, label) => {
      if (plan.driver?.executorsToo === true) for (const pid of children) killIfThere(pid)
      writeEvent(events, { kind: 'fired', life, at: Date.now(), phase, label })
      return die()
    },
  })
  return mortalHost(host, {
    reaper,
    dataDir: settings.dataDir,
    outDir: settings.outDir,
    order: plan.stores,
    onSpawn: (pid) => {
      children.add(pid)
      writeEvent(events, { kind: 'spawn', life, at: Date.now(), pid })
    },
  })
}

/** One life at a time: its number needs no lock. */
function beginLife(file: string): number {
  const life = Number(readFileSync(file, 'utf8')) + 1
  writeFileSync(file, String(life))
  return life
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // An executor that was replaced before is gone.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Not one more instruction of the daemon runs on this thread. */
function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
