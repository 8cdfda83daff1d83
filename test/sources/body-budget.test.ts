/** The memory of bodies is bounded. */
import { describe, expect, it } from 'vitest'
import { BodyBudget } from '../../src/sources/body-budget.ts'

describe('the budget of bodies', () => {
  it('refuses what is over its bytes or its count, and takes it again later', () => {
    const budget = new BodyBudget({ bytesMax: 100, countMax: 2 })
    const first = budget.reserve(60)
    expect(budget.reserve(41)).toBeUndefined()
    const second = budget.reserve(40)
    expect(second).toBeDefined()
    expect(budget.reserve(0)).toBeUndefined()
    first?.release()
    expect(budget.bytes).toBe(40)
    expect(budget.reserve(60)).toBeDefined()
  })

  it('counts a body until its last holder lets go', () => {
    const budget = new BodyBudget({ bytesMax: 100, countMax: 1 })
    const body = budget.reserve(100)
    body?.hold()
    body?.release()
    expect(budget.bytes).toBe(100)
    body?.release()
    expect(budget.bytes).toBe(0)
    expect(() => body?.release()).toThrow('given back once')
  })
})
