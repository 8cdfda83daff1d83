import { describe, expect, it } from 'vitest'
import { deal, KINDS, lifePlans, shareOf } from '../../chaos/kill/plan.ts'

describe('the plans of a run', () => {
  it('are the same for the same seed and others for another', () => {
    expect(lifePlans(7, 60)).toEqual(lifePlans(7, 60))
    expect(lifePlans(7, 60)).not.toEqual(lifePlans(8, 60))
  })
  it('want of 200 cycles what is promised, and plan more', () => {
    const wanted = KINDS.map((kind) => [kind, shareOf(kind, 200)] as const)
    expect(Object.fromEntries(wanted)).toMatchObject({
      ...{ running: 40, publication: 40, recovery: 40, executor: 20 },
    })
    for (const [kind, share] of wanted) expect(deal(200)[kind]).toBeGreaterThan(share)
  })
  it.each([1, 2, 6, 7, 40, 199, 200, 333])('are as many kills as cycles: %i', (cycles) => {
    const dealt = KINDS.reduce((sum, kind) => sum + deal(cycles)[kind], 0)
    expect(dealt).toBe(cycles)
    const lives = lifePlans(11, cycles)
    const drivers = lives.filter(({ driver }) => driver !== undefined).length
    const executors = lives.reduce((sum, life) => sum + life.executors.length, 0)
    expect(drivers + executors).toBe(cycles)
    expect(drivers).toBe(lives.length - 1)
    expect(lives.at(-1)?.driver).toBeUndefined()
  })
  it('never want executors killed in a life that ends before it has served', () => {
    for (let seed = 0; seed < 50; seed++) {
      const odd = lifePlans(seed, 60).filter(
        ({ driver, executors }) => driver?.phase === 'recovery' && executors.length > 0,
      )
      expect(odd).toEqual([])
    }
  })
})
