/**
 * Executors on the simulated machine: the shipped executor over a channel, a disk and a network
 * that end with its process.
 */
import type { App } from '../../src/dstream/app.ts'
import { serveExecutor } from '../../src/executor/serve.ts'
import type { TeamProcesses } from '../../src/executor/team-options.ts'
import type { Connection, Network } from '../../src/host/host.ts'
import { memoryNetwork } from '../../src/host/memory-network.ts'
import { SimFileSystem } from './file-system.ts'
import { SimProcess } from './process.ts'
import type { World } from './world.ts'

export function simTeam(world: World, app: App<unknown>): TeamProcesses {
  const net = memoryNetwork()
  const processes: SimProcess[] = []
  return {
    executor: ({ rank }) => {
      const process = new SimProcess(world, `x${String(rank)}`, (ms) => {
        for (const other of processes) other.holdBack(ms)
      })
      processes.push(process)
      const gate = world.gate(() => process.runs)
      const host = {
        clock: world.clock,
        fs: new SimFileSystem(world.disk, gate),
        net: networkOf(net, world, process),
      }
      serveExecutor({
        channel: process.inner,
        host,
        loadApp: () => Promise.resolve(app),
        onEnd: (error) => {
          process.end({ code: error === undefined ? 0 : 1, signal: null })
        },
      })
      return process.child
    },
    receiver: () => {
      throw new Error('no custom receivers here')
    },
    scratch: () => Promise.resolve('/scratch'),
    hasScratch: () => Promise.resolve(true),
    removeScratch: () => Promise.resolve(),
  }
}

/** The network as one process sees it: its sockets break when it dies. */
function networkOf(net: Network, world: World, process: SimProcess): Network {
  const kept = (connection: Connection): Connection => {
    process.onDeath(() => {
      connection.destroy()
    })
    let before = Promise.resolve()
    return {
      remote: connection.remote,
      read: () => connection.read(),
      write: async (bytes) => {
        before = before.then(() =>
          world.event(
            'shuffle',
            () => undefined,
            () => process.runs,
          ),
        )
        await before
        await connection.write(bytes)
      },
      end: () => connection.end(),
      destroy: () => {
        connection.destroy()
      },
    }
  }
  return {
    connect: async (to, signal) => kept(await net.connect(to, signal)),
    listen: async (at, onConnection) => {
      const listener = await net.listen(at, (connection) => {
        onConnection(kept(connection))
      })
      process.onDeath(() => void listener.close())
      return listener
    },
  }
}
