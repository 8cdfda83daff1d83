/**
 * The log as a component: any run of appends, releases, closes and crashes of the process against
 * a list of what was acknowledged.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import type { RecordRef } from '../../wal/record.ts'
import { entryOf, open, type Opened, segmentsOf } from './support.ts'

interface Model {
  /** All that was acknowledged, in order. */
  readonly records: string[]
  /** Records before this one may be gone. */
  released: number
}

interface Real {
  readonly fs: MemoryFileSystem
  readonly refs: RecordRef[]
  opened: Opened
}

type Command = fc.AsyncCommand<Model, Real>

const always = (): boolean => true

/** Several callers at once, the last with several entries of its own. */
class Append implements Command {
  readonly sizes: readonly number[]
  constructor(sizes: readonly number[]) {
    this.sizes = sizes
  }
  check = always
  async run(model: Model, real: Real): Promise<void> {
    const texts = this.sizes.map((size, i) =>
      `${String(model.records.length + i)}:`.padEnd(size, 'x'),
    )
    const { log } = real.opened
    const [first, ...rest] = texts
    const alone = first === undefined ? [] : [log.append(entryOf(first))]
    const together = log.appendAll(rest.map(entryOf))
    const refs = [...(await Promise.all(alone)), ...(await together)]
    const last = real.refs.at(-1)?.position ?? -1
    expect(refs.every((ref, i) => ref.position > (refs[i - 1]?.position ?? last))).toBe(true)
    expect(log.durable).toBe(log.end)
    model.records.push(...texts)
    real.refs.push(...refs)
    expect(real.opened.applied.slice(-texts.length)).toEqual(texts.length > 0 ? texts : [])
  }
  toString = (): string => `append ${this.sizes.join(', ')}`
}

class Release implements Command {
  readonly share: number
  constructor(share: number) {
    this.share = share
  }
  check = (model: Model): boolean => model.records.length > 0
  async run(model: Model, real: Real): Promise<void> {
    const index = Math.floor(this.share * (model.records.length - 1))
    await real.opened.log.release(real.refs[index]?.position ?? 0)
    model.released = Math.max(model.released, index)
    expect(real.opened.log.start).toBeLessThanOrEqual(real.refs[index]?.position ?? Infinity)
  }
  toString = (): string => `release ${this.share.toFixed(2)}`
}

class Restart implements Command {
  readonly clean: boolean
  constructor(clean: boolean) {
    this.clean = clean
  }
  check = always
  async run(model: Model, real: Real): Promise<void> {
    if (this.clean) await real.opened.log.close()
    const before = real.opened.log.end
    real.opened = await open(real.fs)
    const { applied, log, report } = real.opened
    const gone = model.records.length - applied.length
    expect(gone).toBeGreaterThanOrEqual(0)
    expect(gone).toBeLessThanOrEqual(model.released)
    expect(applied).toEqual(model.records.slice(gone))
    expect(report.tornBytes).toBe(0)
    expect(log.end).toBeGreaterThanOrEqual(before)
    expect((await segmentsOf(real.fs)).length).toBeGreaterThan(0)
  }
  toString = (): string => (this.clean ? 'close, open' : 'crash, open')
}

const size = fc.oneof(fc.integer({ min: 8, max: 60 }), fc.integer({ min: 8, max: 1900 }))
const commands = [
  fc.array(size, { minLength: 1, maxLength: 4 }).map((sizes) => new Append(sizes)),
  fc.double({ min: 0, max: 1, noNaN: true }).map((share) => new Release(share)),
  fc.boolean().map((clean) => new Restart(clean)),
]

describe('the log as a component', () => {
  it('gives back what was acknowledged, from some released record on (model)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 40 }), async (run) => {
        const fs = new MemoryFileSystem()
        const real = { fs, refs: [], opened: await open(fs) }
        const setup = (): { model: Model; real: Real } => ({
          model: { records: [], released: 0 },
          real,
        })
        await fc.asyncModelRun(setup, run)
        await real.opened.log.close()
      }),
      { numRuns: 60 },
    )
  })
})
