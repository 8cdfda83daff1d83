/** A vector on one inline executor, with log and checkpoint in memory. */
import type { App } from '../../src/dstream/app.ts'
import { inlineTeam, INLINE_PROGRAM } from '../../src/executor/inline-team.ts'
import { ExecutorTeam } from '../../src/executor/team.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { memoryNetwork } from '../../src/host/memory-network.ts'
import { memoryStores } from '../../src/host/memory-stores.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeProcesses } from '../../src/host/node-processes.ts'
import { nodeRandom } from '../../src/host/node-random.ts'
import { paramsOf, vectorApp } from './app.ts'
import { needsDirectory, PARTITIONS, runOnEngine, type Ground } from './engine-run.ts'
import type { Way } from './runner.ts'

const DIRECTORY = '/inline'

export function inlineWay(): Way {
  return {
    name: 'inline',
    run: (vector) => {
      const ground = inlineGround(vectorApp(vector.batchMs ?? 0), paramsOf(vector))
      const directory = needsDirectory(vector) ? DIRECTORY : undefined
      return runOnEngine(vector, { ...ground, directory })
    },
  }
}

/** Fresh memory, and a team that runs `app` in this process. */
export function inlineGround(app: App<unknown>, params: Readonly<Record<string, string>>): Ground {
  const fs = new MemoryFileSystem()
  // A private directory lies in memory like everything else.
  const processes = { ...nodeProcesses, privateDirectory: () => Promise.resolve('/private') }
  const machine = { fs, net: memoryNetwork(), random: nodeRandom, processes }
  return {
    host: { ...machine, stores: memoryStores(fs) },
    directory: DIRECTORY,
    workingDirectory: DIRECTORY,
    newTeam: ({ logDirectory, onRestart }) =>
      new ExecutorTeam({
        processes: inlineTeam({
          host: { ...machine, clock: nodeClock },
          ...{ app, params },
          partitions: PARTITIONS,
        }),
        clock: nodeClock,
        random: nodeRandom,
        size: 1,
        program: INLINE_PROGRAM,
        params,
        partitions: PARTITIONS,
        logDirectory,
        workingDirectory: DIRECTORY,
        onRestart,
      }),
  }
}
