/** The script of `store-calls.ts` on the real LevelDB, in a process that strace watches. */
import { readdirSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { nodeStores } from '../../src/host/node-stores.ts'
import { storeScript } from './store-calls.ts'

const [, , path = ''] = process.argv
/** More than LevelDB's write buffer. */
const TRIES = 100
const WAIT_MS = 50
const FILL_BYTES = 5 * 1024 * 1024

await storeScript(nodeStores, path, {
  fillBytes: FILL_BYTES,
  mark: (step) => {
    statSync(`/mark/${step.replaceAll(' ', '-')}`, { throwIfNoEntry: false })
  },
  settled: async () => {
    for (let tries = 0; tries < TRIES; tries++) {
      const logs = readdirSync(path).filter((name) => name.endsWith('.log'))
      if (logs.length === 1) return
      await sleep(WAIT_MS)
    }
    throw new Error('LevelDB keeps its full log')
  },
})
