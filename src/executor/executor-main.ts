/** What an executor's process runs: the one place where the user's program meets the machine. */
import { childEnd } from '../host/node-child.ts'
import { nodeClock } from '../host/node-clock.ts'
import { nodeFileSystem } from '../host/node-file-system.ts'
import { nodeNetwork } from '../host/node-network.ts'
import { failureOf } from './failure.ts'
import { loadApp } from './load-app.ts'
import { encodeFromExecutor } from './protocol.ts'
import { serveExecutor } from './serve.ts'

const child = childEnd()
child.onCrash((error) => {
  child.channel.send(encodeFromExecutor({ kind: 'crashed', error: failureOf(error, []) }))
})
serveExecutor({
  channel: child.channel,
  host: { clock: nodeClock, fs: nodeFileSystem, net: nodeNetwork },
  loadApp,
  onEnd(error) {
    // A broken invariant ends the process by the way every uncaught error does.
    if (error !== undefined) throw error
    child.exit(0)
  },
})
