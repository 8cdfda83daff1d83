/** The calls of LevelDB's twin in the script of `store-calls.ts`. */
import { SimDisk } from './disk.ts'
import { type Gate, openGate } from './gate.ts'
import { simStores } from './stores.ts'
import { type Calls, CallList, storeScript } from './store-calls.ts'

const PATH = '/data/checkpoint-a'
/** More than the twin's write buffer. */
const FILL_BYTES = 100_000

export async function twinCalls(): Promise<Calls> {
  const list = new CallList()
  const gate: Gate = {
    ...openGate,
    effect: (label, perform) => {
      const [, verb = '', sort = ''] = /^(\S+) store-a(?:-kept)?(?: (.*))?$/.exec(label) ?? []
      if (verb !== '' && verb !== 'mkdir' && !/^rename \S+$/.test(label)) list.add(verb, sort)
      return openGate.effect(label, perform)
    },
  }
  const disk = new SimDisk()
  disk.makeDirectory('/data')
  const mark = (step: string): void => {
    list.mark(step)
  }
  await storeScript(simStores(disk, gate), PATH, { fillBytes: FILL_BYTES, mark })
  return list.calls
}
