/** The engine on the simulated machine: the same seed is the same life, and lives come right. */
import { describe, expect, it } from 'vitest'
import { enumerate, type Violation } from '../../../chaos/sim/enumerate.ts'
import { programOf } from '../../../chaos/sim/programs.ts'
import { type LifeResult, randomLife } from '../../../chaos/sim/random-life.ts'

const live = (seed: number): Promise<LifeResult> =>
  randomLife({ seed, fired: new Map(), points: new Map() })

describe('a life on the simulated machine', () => {
  it('is the same for the same seed', async () => {
    const [first, again] = [await live(12), await live(12)]
    expect(again.trace.digest).toBe(first.trace.digest)
  })

  it.each([11, 16])('comes right with seed %i', async (seed) => {
    const result = await live(seed)
    expect(result.violations).toEqual([])
    expect(result.crashes).toBeGreaterThan(0)
    expect(result.batches).toBeGreaterThanOrEqual(20)
    expect(result.records).toBeGreaterThanOrEqual(1000)
  })
})

describe('crash points', () => {
  it('come right, a sample of them', async () => {
    const violations: Violation[] = []
    const result = await enumerate({
      program: programOf.stateful,
      ...{ seed: 1, depth: 2, share: 0.06, repeats: 0, second: 0.01, triples: 0 },
      onViolation: (violation) => violations.push(violation),
    })
    expect(violations).toEqual([])
    expect(result.points.size).toBeGreaterThan(5)
  })
})
