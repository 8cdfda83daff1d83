/** A store that waits for room, over stores that are wedged once they were full. */
import { describe, expect, it } from 'vitest'
import { PatientStore } from '../../checkpoint/patient-store.ts'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { MillraceError } from '../../src/base/errors.ts'
import type { KeyValueStore } from '../../src/host/host.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { memoryStores } from '../../src/host/memory-stores.ts'

const put = (value: string) => [{ kind: 'put', key: 'k', value: utf8(value) }] as const
const full = (): MillraceError => new MillraceError('MR_DISK_FULL', 'No space left on device')

/** Opens real (memory) stores whose `batch` asks `refuse` first. */
function world(refuse: (opened: number) => Error | undefined) {
  const stores = memoryStores(new MemoryFileSystem())
  let opened = 0
  const open = async (path: string, options: { create: boolean }): Promise<KeyValueStore> => {
    const store = await stores.open(path, options)
    const life = ++opened
    const batch: KeyValueStore['batch'] = async (...call) => {
      const refusal = refuse(life)
      if (refusal !== undefined) throw refusal
      await store.batch(...call)
    }
    return {
      batch,
      get: (key) => store.get(key),
      entries: store.entries,
      close: () => store.close(),
    }
  }
  return { open, opened: () => opened }
}

describe('a patient store', () => {
  it('is opened again and writes the same batch when there is room', async () => {
    const stores = world((life) => (life < 3 ? full() : undefined))
    const waits: string[] = []
    const store = new PatientStore(
      stores,
      '/s',
      await stores.open('/s', { create: true }),
      (error) => {
        waits.push(error.message)
        return Promise.resolve()
      },
    )
    await store.batch(put('1'), { sync: true })
    expect([stores.opened(), waits.length]).toEqual([3, 2])
    expect(utf8Text((await store.get('k')) ?? new Uint8Array())).toBe('1')
    await store.batch(put('2'), { sync: true })
    expect(stores.opened()).toBe(3)
    await store.close()
  })

  it('waits while it cannot even be opened', async () => {
    let refusals = 3
    const stores = world((life) => (life === 1 ? full() : undefined))
    const open: typeof stores.open = async (path, options) => {
      if (stores.opened() === 1 && refusals-- > 0) throw full()
      return await stores.open(path, options)
    }
    const first = await stores.open('/s', { create: true })
    const store = new PatientStore({ open }, '/s', first, () => Promise.resolve())
    await store.batch(put('1'), { sync: true })
    expect(utf8Text((await store.get('k')) ?? new Uint8Array())).toBe('1')
    await store.close()
  })

  it('gives up with the reason of whoever waited, and at once on any other failure', async () => {
    const stores = world((life) => (life === 1 ? full() : new Error('EIO')))
    const first = await stores.open('/s', { create: true })
    const stop = (): Promise<void> => Promise.reject(new Error('stopping'))
    const store = new PatientStore(stores, '/s', first, stop)
    await expect(store.batch(put('1'), { sync: true })).rejects.toThrow('stopping')
    const patient = new PatientStore(stores, '/s', first, () => Promise.resolve())
    await expect(patient.batch(put('1'), { sync: true })).rejects.toThrow('EIO')
  })
})
