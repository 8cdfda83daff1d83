/** Suggestions: the distance is one, and the nearest name is found. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { editDistance, nearest } from '../../src/base/suggest.ts'

describe('the edit distance', () => {
  it('counts the four edits', () => {
    expect(editDistance('port', 'port')).toBe(0)
    expect(editDistance('prt', 'port')).toBe(1)
    expect(editDistance('poort', 'port')).toBe(1)
    expect(editDistance('pory', 'port')).toBe(1)
    expect(editDistance('prot', 'port')).toBe(1)
    expect(editDistance('', 'port')).toBe(4)
  })

  it('is symmetric, zero only for equals, and bounded by the longer text', () => {
    const word = fc.string({ maxLength: 12 })
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b)
        expect(distance).toBe(editDistance(b, a))
        expect(distance === 0).toBe(a === b)
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length))
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length))
      }),
    )
  })
})

describe('the nearest name', () => {
  it('is what was meant, whatever the case', () => {
    expect(nearest('ADMINPORT', ['dataDir', 'adminPort'])).toBe('adminPort')
    expect(nearest('durabilty', ['durability', 'dataDir'])).toBe('durability')
  })

  it('is nothing when nothing is near', () => {
    expect(nearest('colour', ['durability', 'dataDir'])).toBeUndefined()
  })
})
