/**
 * Block store and tracker as a component: any order of blocks, batches, receipts and crashes
 * against lists of names. A block is in one batch or waits; none is lost, none is in two.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import type { BlockStore } from '../../src/blocks/block-store.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { DIGEST, namesOf, openStore } from './support.ts'

interface Model {
  waiting: string[]
  readonly batches: Map<number, readonly string[]>
  readonly highest: Map<string, number>
  allocated: number
  cleaned: number
}

interface Real {
  readonly fs: MemoryFileSystem
  store: BlockStore
}

type Command = fc.AsyncCommand<Model, Real>
const always = (): boolean => true

class Add implements Command {
  readonly producer: string
  readonly back: number
  readonly size: number
  constructor(producer: string, back: number, size: number) {
    this.producer = producer
    this.back = back
    this.size = size
  }
  check = always
  async run(model: Model, { store }: Real): Promise<void> {
    const highest = model.highest.get(this.producer) ?? -1
    const sequence = Math.max(0, highest + 1 - this.back)
    const name = `${this.producer}${String(sequence)}.`.padEnd(this.size, 'x')
    const added = await store.addBlock({
      streamId: 1,
      format: 'text',
      records: 1,
      parts: [Buffer.from(`${name}\n`)],
      producer: { id: this.producer, sequence },
    })
    expect(added.kind).toBe(sequence > highest ? 'stored' : 'duplicate')
    if (added.kind === 'duplicate') return
    model.waiting.push(name)
    model.highest.set(this.producer, sequence)
  }
  toString = (): string => `add ${this.producer} -${String(this.back)}`
}

class Allocate implements Command {
  readonly bytesMax: number
  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }
  check = always
  async run(model: Model, { fs, store }: Real): Promise<void> {
    const time = ++model.allocated
    const { streams } = await store.allocate(time, { bytesMax: this.bytesMax })
    const names = await namesOf(fs, streams[0]?.blocks)
    expect(names).toEqual(model.waiting.slice(0, names.length))
    if (model.waiting.length > 0) expect(names.length).toBeGreaterThan(0)
    model.waiting = model.waiting.slice(names.length)
    model.batches.set(time, names)
    expect((await store.allocate(time)).time).toBe(time)
  }
  toString = (): string => `allocate ${String(this.bytesMax)}`
}

class Clean implements Command {
  check = (model: Model): boolean => model.cleaned < model.allocated
  async run(model: Model, { store }: Real): Promise<void> {
    model.cleaned += 1
    await store.cleanup(model.cleaned, model.cleaned, DIGEST)
    model.batches.delete(model.cleaned)
  }
  toString = (): string => 'clean'
}

class Restart implements Command {
  readonly clean: boolean
  constructor(clean: boolean) {
    this.clean = clean
  }
  check = always
  async run(model: Model, real: Real): Promise<void> {
    if (this.clean) await real.store.close()
    real.store = (await openStore(real.fs)).store
    const { tracker } = real.store
    expect(await namesOf(real.fs, tracker.unallocated(1))).toEqual(model.waiting)
    const kept = tracker.uncommitted().map(({ time }) => time)
    expect(kept).toEqual([...model.batches.keys()])
    for (const [time, names] of model.batches) {
      expect(await namesOf(real.fs, tracker.blocksOf(time)[0]?.blocks)).toEqual(names)
    }
  }
  toString = (): string => (this.clean ? 'close, open' : 'crash, open')
}

const commands = [
  fc
    .tuple(fc.constantFrom('p', 'q'), fc.constantFrom(0, 0, 0, 1, 2), fc.nat(2500))
    .map(([producer, back, size]) => new Add(producer, back, size)),
  fc.constantFrom(1, 3000, Infinity).map((bytesMax) => new Allocate(bytesMax)),
  fc.constant(new Clean()),
  fc.boolean().map((clean) => new Restart(clean)),
]

describe('the block store as a component', () => {
  it('has each block once: waiting, or in one batch, until its receipt (model)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 50 }), async (run) => {
        const fs = new MemoryFileSystem()
        const real: Real = { fs, store: (await openStore(fs)).store }
        const setup = (): { model: Model; real: Real } => ({
          model: {
            ...{ waiting: [], batches: new Map(), highest: new Map() },
            ...{ allocated: 0, cleaned: 0 },
          },
          real,
        })
        await fc.asyncModelRun(setup, run)
        await real.store.close()
      }),
      { numRuns: 60 },
    )
  })
})
