/**
 * The inline twin of a team: executors that are objects in this process instead of processes, over
 * the same core and the same conversation. For embedding and for tests: here, by the user's own
 * choice, user code runs in the driver's process, so a loop or a full heap of the program is the
 * driver's too, and `kill` cannot stop code that never gives way.
 */
import { type App, buildGraph } from '../dstream/app.ts'
import type { ChildProcess, Exit, Host } from '../host/host.ts'
import { memoryChannels } from '../host/memory-channel.ts'
import { memoryNetwork } from '../host/memory-network.ts'
import { serveReceiver } from '../sources/custom-child.ts'
import { deferred } from './deferred.ts'
import { receiverOf } from './receiver-of.ts'
import { serveExecutor } from './serve.ts'
import type { TeamProcesses } from './team-options.ts'

export interface InlineTeamOptions {
  readonly host: Pick<Host, 'clock' | 'fs' | 'processes'>
  readonly app: App<unknown>
  readonly params: Readonly<Record<string, string>>
  readonly partitions: number
}

/** What a team says its program is when the app is at hand. */
export const INLINE_PROGRAM = { bundle: 'inline', exportName: undefined, code: undefined } as const

export function inlineTeam(options: InlineTeamOptions): TeamProcesses {
  const { app, host, params, partitions } = options
  const net = memoryNetwork()
  return {
    executor: () =>
      inlineProcess(host.processes.pid, (channel, end) => {
        const close = serveExecutor({
          channel,
          host: { clock: host.clock, fs: host.fs, net },
          loadApp: () => Promise.resolve(app),
          onEnd: (error) => {
            end(error === undefined ? 0 : 1)
          },
        })
        return close
      }),
    receiver: (uid) =>
      inlineProcess(host.processes.pid, (channel, end) => {
        const graph = buildGraph(app, params, { partitions })
        serveReceiver(channel, receiverOf(graph, uid)).then(
          () => {
            end(0)
          },
          () => {
            end(1)
          },
        )
        return () => Promise.resolve()
      }),
    scratch: () => Promise.resolve('inline'),
    hasScratch: () => Promise.resolve(true),
    removeScratch: () => Promise.resolve(),
  }
}

/** A child that is none: `serve` is given the other end of its channel and returns what ends it. */
function inlineProcess(
  pid: number,
  serve: (channel: ChildProcess['channel'], end: (code: number) => void) => () => Promise<void>,
): ChildProcess {
  const [here, there] = memoryChannels()
  const exited = deferred<Exit>()
  const finish = (exit: Exit): void => {
    here.close()
    exited.resolve(exit)
  }
  const close = serve(there, (code) => {
    finish({ code, signal: null })
  })
  // The driver let go: what the program holds open is closed; a failure of that has no one left to
  // go to but its process.
  there.onClose(() => {
    void close()
  })
  return {
    pid,
    channel: here,
    exited: exited.promise,
    kill(signal) {
      finish({ code: null, signal })
    },
  }
}
