/**
 * A directory that format version 1 was written to, checked in as files: every later version reads
 * exactly this out of it. Opening writes, so a copy is opened.
 */
import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBlock } from '../../src/blocks/read-block.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { nodeStores } from '../../src/host/node-stores.ts'
import { openStorage } from '../../src/engine/open-storage.ts'
import { RecordReader } from '../../wal/reader.ts'
import { scanLog } from '../../wal/scan.ts'
import { BATCHES, blockText, entriesOf, IDENTITY, LIVES } from './contents.ts'
import { SEGMENT_BYTES, WAITING } from './contents.ts'

const GOLDEN = fileURLToPath(new URL('v1', import.meta.url))
const host = { fs: nodeFileSystem, stores: nodeStores, clock: new ManualClock() }
let directory: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'millrace-golden-'))
  cpSync(GOLDEN, directory, { recursive: true })
})
afterAll(() => {
  rmSync(directory, { recursive: true })
})

function fingerprint(): string {
  const hash = createHash('sha256')
  const entries = readdirSync(GOLDEN, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  for (const path of files.map((file) => join(file.parentPath, file.name)).sort()) {
    hash.update(`${path.slice(GOLDEN.length)}\n`).update(readFileSync(path))
  }
  return hash.digest('hex')
}

describe('the golden directory of format version 1', () => {
  it('is the one that was written then', () => {
    expect(fingerprint()).toBe('961262d68196ea658bae6e3a8bf7cb553acb646b4b34b6a1ebbe946a7e7f1613')
  })

  it('holds every record of its log', async () => {
    const texts: string[] = []
    const kinds = new Map<number, number>()
    const reader = new RecordReader(nodeFileSystem, join(GOLDEN, 'log'))
    for await (const event of scanLog(nodeFileSystem, join(GOLDEN, 'log'), {
      identity: IDENTITY,
    })) {
      expect(['segment', 'group', 'end']).toContain(event.kind)
      if (event.kind !== 'group') continue
      for (const { kind, ref } of event.records) {
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
        if (kind === 1) texts.push(Buffer.from(readBlock(reader, ref).bytes).toString())
      }
    }
    await reader.close()
    const blocks = Array.from({ length: BATCHES }, (_, i) => blockText(i + 1))
    expect(texts).toEqual([...blocks, WAITING])
    expect([...kinds].sort()).toEqual([
      [1, BATCHES + 1],
      [2, BATCHES],
      [3, BATCHES],
      [4, LIVES],
    ])
  })

  it('opens as it was left', async () => {
    const storage = await openStorage(host, {
      checkpoint: { directory, identity: IDENTITY, create: false },
      log: { directory: join(directory, 'log'), identity: IDENTITY, segmentBytes: SEGMENT_BYTES },
    })
    const { checkpoint, report } = storage
    const { store: blocks, report: logReport } = await storage.log
    expect(report.stores.map(({ state }) => state)).toEqual(['ok', 'ok'])
    // Each life ends with a commit that proves the end of the log.
    expect(checkpoint.root).toMatchObject({ number: BATCHES + LIVES, time: BATCHES * 1000 })
    const entries: Record<string, string> = {}
    for await (const [key, value] of checkpoint.entries('')) {
      entries[key] = Buffer.from(value).toString()
    }
    const batches = Array.from({ length: BATCHES }, (_, i) => entriesOf(i + 1))
    expect(entries).toEqual(Object.assign({}, ...batches))
    expect(logReport).toMatchObject({ tornBytes: 0, epoch: LIVES + 1, start: 0 })
    expect(blocks.tracker.cleanup).toMatchObject({ time: BATCHES * 1000 })
    expect(blocks.tracker.uncommitted()).toEqual([])
    expect(blocks.tracker.oldest(Infinity)).toHaveLength(1)
    await blocks.close()
    await checkpoint.close()
  })
})
