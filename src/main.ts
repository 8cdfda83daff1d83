/** The command `millrace`, on the real machine. What it does is loaded by who needs it. */
import { fileURLToPath } from 'node:url'
import { runProcess } from './daemon/process.ts'
import { nodeClock } from './host/node-clock.ts'
import { nodeShell } from './host/node-shell.ts'

const shell = nodeShell(fileURLToPath(import.meta.url))

await runProcess(shell, nodeClock, async () => {
  const { commandLine } = await import('./daemon/command-line.ts')
  const { nodeHost } = await import('./host/node-host.ts')
  return await commandLine(shell, nodeHost, async (options) => {
    const { startAdminServer } = await import('./admin/server.ts')
    return await startAdminServer(options)
  })
})
