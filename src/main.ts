/** The command `millrace`, on the real machine. What it does is loaded by who needs it. */
import { fileURLToPath } from 'node:url'
import type { StartAdminServer } from './daemon/admin-port.ts'
import { runProcess } from './daemon/process.ts'
import type { StandbyPlan } from './daemon/supervision.ts'
import { nodeClock } from './host/node-clock.ts'
import { nodeShell } from './host/node-shell.ts'

const shell = nodeShell(fileURLToPath(import.meta.url))
const loadHost = async () => (await import('./host/node-host.ts')).nodeHost
const loadAdminServer = () => import('./admin/server.ts')

const startAdminServer: StartAdminServer = async (options) =>
  await (await loadAdminServer()).startAdminServer(options)

await runProcess(shell, nodeClock, {
  async command(prepared) {
    const { commandLine } = await import('./daemon/command-line.ts')
    return await commandLine(shell, prepared ?? (await loadHost()), startAdminServer)
  },
  async prepare(plan: StandbyPlan) {
    const { standbyHost } = await import('./daemon/standby.ts')
    const [host] = await Promise.all([standbyHost(await loadHost(), plan), loadAdminServer()])
    return host
  },
})
