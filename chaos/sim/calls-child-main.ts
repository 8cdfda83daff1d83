/** The script of `store-calls.ts` on the real LevelDB, in a process that strace watches. */
import { statSync } from 'node:fs'
import { nodeStores } from '../../src/host/node-stores.ts'
import { storeScript } from './store-calls.ts'

const [, , path = ''] = process.argv
/** More than LevelDB's write buffer. */
const FILL_BYTES = 5 * 1024 * 1024

await storeScript(nodeStores, path, {
  fillBytes: FILL_BYTES,
  mark: (step) => {
    statSync(`/mark/${step.replaceAll(' ', '-')}`, { throwIfNoEntry: false })
  },
})
