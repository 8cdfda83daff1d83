/**
 * Cost of a batch that touches ten thousand keys of a small and of a large state, with its commit
 * to both stores, in one process without executors: `node bench/state-cost.mjs LARGE BATCHES`.
 * Prints one line of JSON.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint } from '../dist/checkpoint/checkpoint.js'
import { StatePartition } from '../dist/checkpoint/pieces.js'
import { hashBytes, partitionOf } from '../dist/src/base/keys.js'
import { nodeFileSystem } from '../dist/src/host/node-file-system.js'
import { nodeStores } from '../dist/src/host/node-stores.js'
import { median } from './judge.mjs'

const PARTITIONS = 16
const SMALL = 100_000
const TOUCHED = 10_000
const FILL = 250_000
const IDENTITY = new Uint8Array(16).fill(7)

const [large = 10_000_000, batches = 40] = process.argv.slice(2).map(Number)
const keyOf = (n) => Buffer.from(`key ${String(n).padStart(9, '0')}`)

class State {
  partitions = Array.from({ length: PARTITIONS }, () => new StatePartition())
  number = 0

  async open(directory) {
    this.directory = directory
    const at = { directory, identity: IDENTITY, create: true }
    const opened = await openCheckpoint({ fs: nodeFileSystem, stores: nodeStores }, at)
    this.checkpoint = opened.checkpoint
  }

  /** One batch: each key is read and written, then all of it is committed. */
  async batch(keys, value) {
    const began = performance.now()
    const overlays = this.partitions.map((partition) => partition.begin())
    const bytes = new Uint8Array(9)
    new DataView(bytes.buffer).setFloat64(1, value)
    for (const key of keys) {
      const hash = hashBytes(key)
      const overlay = overlays[partitionOf(hash, PARTITIONS)]
      overlay.get(key, hash)
      overlay.set(key, hash, bytes)
    }
    this.number += 1
    const puts = []
    const deletes = []
    for (const [p, partition] of this.partitions.entries()) {
      const change = partition.prepare(overlays[p], this.number)
      for (const { name, value: piece } of change.puts)
        puts.push({ key: `${p}/${name}`, value: piece })
      for (const name of change.deletes) deletes.push(`${p}/${name}`)
    }
    const computed = performance.now() - began
    await this.checkpoint.commit({ time: this.number, epoch: 1, logPosition: 0, puts, deletes })
    for (const [p, partition] of this.partitions.entries())
      partition.commit(overlays[p], this.number)
    return { ms: performance.now() - began, computed }
  }

  async fill(keys) {
    for (let from = 0; from < keys; from += FILL) {
      const until = Math.min(keys, from + FILL)
      await this.batch(
        Array.from({ length: until - from }, (_, i) => keyOf(from + i)),
        0,
      )
    }
  }
}

const directory = mkdtempSync(join(tmpdir(), 'millrace-state-'))
try {
  const states = { small: new State(), large: new State() }
  await states.small.open(join(directory, 'small'))
  await states.large.open(join(directory, 'large'))
  await states.small.fill(SMALL)
  await states.large.fill(large)
  // The same keys in both, spread over all of them.
  const keys = Array.from({ length: TOUCHED }, (_, i) => keyOf(i * (SMALL / TOUCHED)))
  const times = { small: [], large: [] }
  for (let i = 0; i < batches; i++) {
    for (const name of ['small', 'large']) times[name].push(await states[name].batch(keys, i))
  }
  const of = (name, what) => median(times[name].slice(5).map((one) => one[what]))
  await states.large.checkpoint.close()
  await states.small.checkpoint.close()
  const memoryBytes = process.memoryUsage.rss()
  const began = performance.now()
  const again = new State()
  const at = { directory: states.large.directory, identity: IDENTITY, create: false }
  const { checkpoint } = await openCheckpoint({ fs: nodeFileSystem, stores: nodeStores }, at)
  const verifyMs = performance.now() - began
  for (const [p, partition] of again.partitions.entries()) {
    const pieces = []
    for await (const [key, value] of checkpoint.entries(`${p}/`))
      pieces.push([key.slice(`${p}/`.length), value])
    partition.load(pieces)
  }
  const loadMs = performance.now() - began
  await checkpoint.close()
  process.stdout.write(
    `${JSON.stringify({
      ...{ large, touched: TOUCHED, batches, memoryBytes, verifyMs, loadMs },
      smallMs: of('small', 'ms'),
      largeMs: of('large', 'ms'),
      smallComputedMs: of('small', 'computed'),
      largeComputedMs: of('large', 'computed'),
    })}\n`,
  )
} finally {
  rmSync(directory, { recursive: true, force: true })
}
