/**
 * Writes the golden directory of the current format: `node dist/test/golden/write.js <directory>`.
 * The one of version 1 is never written again; a new format version gets one beside it.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { ManualClock } from '../../src/host/manual-clock.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { openStorage, proveEnd } from '../../src/engine/open-storage.ts'
import { BATCHES, blockText, entriesOf, IDENTITY, LIVES } from './contents.ts'
import { SEGMENT_BYTES, WAITING } from './contents.ts'

const host = { fs: nodeFileSystem, stores: nodeStores, clock: new ManualClock() }
const utf8 = new TextEncoder()

async function writeLife(directory: string, life: number): Promise<void> {
  const storage = await openStorage(host, {
    checkpoint: { directory, identity: IDENTITY, create: life === 0 },
    log: { directory: join(directory, 'log'), identity: IDENTITY, segmentBytes: SEGMENT_BYTES },
  })
  const { checkpoint } = storage
  const blocks = (await storage.log).store
  const add = async (text: string): Promise<void> => {
    const bytes = utf8.encode(text)
    await blocks.addBlock({ streamId: 7, format: 'text', records: 1, parts: [bytes] })
  }
  for (let i = 1; i <= BATCHES / LIVES; i++) {
    const n = (life * BATCHES) / LIVES + i
    await add(blockText(n))
    await blocks.allocate(n * 1000)
    const puts = Object.entries(entriesOf(n)).map(([key, value]) => ({
      key,
      value: utf8.encode(value),
    }))
    const { epoch, durable: logPosition } = blocks.log
    const root = await checkpoint.commit({ time: n * 1000, epoch, logPosition, puts, deletes: [] })
    // All batches stay readable, so every segment stays.
    await blocks.cleanup(n * 1000, root.number, root.digest, 0)
  }
  if (life === LIVES - 1) await add(WAITING)
  await proveEnd({ checkpoint, blocks }, (text) => {
    throw new Error(text)
  })
  await blocks.close()
  await checkpoint.close()
}

const directory = resolve(process.argv[2] ?? 'golden')
for (let life = 0; life < LIVES; life++) await writeLife(directory, life)
for (const store of ['checkpoint-a', 'checkpoint-b']) {
  for (const name of readdirSync(join(directory, store))) {
    if (/^LO/.test(name)) rmSync(join(directory, store, name))
  }
}
