/**
 * Writes both stores of a checkpoint anew, where there are none. The roots go last, so a crash
 * leaves stores that do not verify, in a place that nobody uses yet.
 */
import type { Host, KeyValueStore } from '../src/host/host.ts'
import type { Put } from './snapshot.ts'
import { storeDirectory } from './store-directory.ts'

const BATCH_BYTES_MAX = 4 * 1024 * 1024

export async function writeFreshStores(
  host: Pick<Host, 'stores'>,
  directory: string,
  puts: AsyncIterable<Put>,
  onEntry: (bytes: number) => void = () => undefined,
): Promise<void> {
  const stores: KeyValueStore[] = []
  try {
    for (const name of ['checkpoint-a', 'checkpoint-b'] as const) {
      stores.push(await host.stores.open(storeDirectory(directory, name).path, { create: true }))
    }
    let batch: Put[] = []
    let bytes = 0
    const flush = async (): Promise<void> => {
      for (const store of stores) await store.batch(batch, { sync: true })
      batch = []
      bytes = 0
    }
    for await (const put of puts) {
      if (bytes + put.value.length > BATCH_BYTES_MAX && batch.length > 0) await flush()
      batch.push({ ...put, value: put.value.slice() })
      bytes += put.value.length
      onEntry(put.value.length)
    }
    await flush()
  } finally {
    for (const store of stores) await store.close()
  }
}
