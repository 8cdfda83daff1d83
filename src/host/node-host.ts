/** The real machine: every part of the `Host` over Node's own modules. */
import type { Host } from './host.ts'
import { nodeAnnouncements } from './node-announcements.ts'
import { nodeClock } from './node-clock.ts'
import { nodeFileSystem } from './node-file-system.ts'
import { nodeNetwork } from './node-network.ts'
import { nodeProcesses } from './node-processes.ts'
import { nodeRandom } from './node-random.ts'
import { nodeStores } from './node-stores.ts'

export const nodeHost: Host = {
  clock: nodeClock,
  fs: nodeFileSystem,
  net: nodeNetwork,
  random: nodeRandom,
  processes: nodeProcesses,
  stores: nodeStores,
  announcements: nodeAnnouncements,
}
