import { describe, expect, it } from 'vitest'
import type { DriverPlan, ExecutorPlan } from '../../chaos/kill/plan.ts'
import { Reaper } from '../../chaos/kill/reaper.ts'

class Dead extends Error {}

interface World {
  readonly reaper: Reaper
  readonly news: unknown[]
  readonly done: string[]
  readonly timers: (() => void)[]
  /** Does an effect; its name goes to `done` when it was done, with `½` when half of it was. */
  do(...labels: string[]): Promise<void>
  /** All effects of one batch of the life's own. */
  batch(): Promise<void>
}

const DIES: DriverPlan = {
  ...{ kind: 'running', phase: 'running', label: 'store.batch', when: 'before' },
  ...{ nth: 1, round: 1, delayMs: 5, executorsToo: false },
}
const ONE: ExecutorPlan = { delayMs: 0, victims: 'one' }

function world(plan: Partial<DriverPlan>, executors: readonly ExecutorPlan[] = []): World {
  const news: unknown[] = []
  const done: string[] = []
  const timers: (() => void)[] = []
  const reaper = new Reaper({
    plan: { executors, driver: { ...DIES, ...plan }, stores: 'together' },
    outputs: 2,
    after: (_ms, f) => timers.push(f),
    tell: (what) => news.push(what),
    fire: (phase, label) => {
      throw new Dead(`${phase}: ${label}`)
    },
  })
  const act = (...labels: string[]): Promise<void> =>
    reaper.around(
      labels,
      () => Promise.resolve(void done.push(labels.join('+'))),
      () => Promise.resolve(done.push(`½${labels.join('+')}`)),
    )
  const batch = async (): Promise<void> => {
    for (const label of BATCH) await act(label)
  }
  return { reaper, news, done, timers, do: act, batch }
}

const BATCH = [
  ...['log.allocation', 'executor.send', 'executor.message', 'store.batch', 'store.batch'],
  ...['output.create', 'output.rename', 'output.create', 'output.rename', 'log.cleanup'],
]

describe('the reaper', () => {
  it('lets everything pass without a plan for it', async () => {
    const { batch, done, news } = world({ label: 'none.such' })
    await batch()
    await batch()
    expect(done).toHaveLength(2 * BATCH.length)
    expect(news).toEqual([{ live: 0 }, 'commit'])
  })
  it.each([
    [{ label: 'executor.send', when: 'before' }, 'running: before executor.send', 1],
    [{ label: 'executor.send', when: 'after' }, 'running: after executor.send', 2],
    [{ label: 'log.allocation', when: 'halfway' }, 'running: halfway log.allocation', 1],
    [
      { phase: 'publication', label: 'store.batch', when: 'after' },
      'publication: after store.batch',
      4,
    ],
    [
      { phase: 'publication', label: 'output.rename', when: 'before', nth: 2 },
      'publication: before output.rename',
      8,
    ],
    [
      { phase: 'published', label: 'log.cleanup', when: 'before' },
      'published: before log.cleanup',
      9,
    ],
    [{ phase: 'any', label: 'output.create', when: 'after', nth: 2 }, 'output.create', 8],
  ] as const)('kills at %j', async (plan, where, effects) => {
    const { batch, do: act, done } = world(plan)
    await act('store.open')
    await expect(batch()).rejects.toThrow(where)
    expect(done).toHaveLength(1 + effects)
  })
  it('does half of a write when it kills halfway', async () => {
    const { do: act, done } = world({ label: 'log.allocation', when: 'halfway' })
    await expect(act('log.allocation')).rejects.toThrow(Dead)
    expect(done).toEqual(['½log.allocation'])
  })
  it('waits for its round, and takes the end of the phase when nothing fits', async () => {
    const { batch } = world({ label: 'executor.send', nth: 9, round: 2 })
    for (let round = 1; round <= 3; round++) await batch()
    await expect(batch()).rejects.toThrow('running: before store.batch')
  })
  it('ends a recovery at the latest before the first batch', async () => {
    const plan = { kind: 'recovery', phase: 'recovery', label: 'any', nth: 99, round: 0 } as const
    const { batch, do: act } = world(plan)
    for (const label of ['store.open', 'store.batch', 'output.rename']) await act(label)
    await expect(batch()).rejects.toThrow('recovery: before log.allocation')
  })
  it('fires a timer only in the phase and round it was set in', async () => {
    const { do: act, timers } = world({ label: 'timer', when: 'after' })
    await act('log.allocation')
    expect(timers).toHaveLength(1)
    expect(timers[0]).toThrow('running: after timer')
    await act('store.batch')
    timers[0]?.()
  })
  it('spares the driver until a batch was committed with a new executor', async () => {
    const { batch, done, news, reaper } = world({ round: 1 }, [ONE])
    reaper.instant('executor.spawn', () => undefined)
    await batch()
    expect(news).toEqual([{ live: 1 }, 'commit'])
    reaper.instant('executor.spawn', () => undefined)
    await batch()
    expect(news.at(-1)).toBe('healed')
    await expect(batch()).rejects.toThrow('running: before store.batch')
    expect(done).toHaveLength(2 * BATCH.length + 3)
  })
})
