/** What is said of batches that lie behind the clock. */
import { describe, expect, it } from 'vitest'
import { CatchUp } from '../../src/engine/catch-up.ts'
import type { Logger } from '../../src/engine/settings.ts'

function heard(): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = []
  const say = (_details: object, message: string): void => {
    lines.push(message)
  }
  return { lines, log: { debug: say, info: say, warn: say, error: say } }
}

describe('catching up', () => {
  it('is said at once, with an estimate from time to time, and at its end', () => {
    const { lines, log } = heard()
    const catchUp = new CatchUp(log)
    catchUp.begin(1000, 0)
    expect(catchUp.left).toBe(1000)
    expect(lines[0]).toMatch(/^1000 empty batches to catch up: a state of idle 'call'/)
    catchUp.look(999, 10)
    catchUp.look(800, 2000)
    catchUp.look(700, 3000)
    expect(lines.slice(1)).toEqual(['800 batches to catch up, about 8 s at 100.0 a second'])
    catchUp.look(1, 9000)
    expect(catchUp.left).toBe(0)
    expect(lines.at(-1)).toBe('the batches have caught up with the clock')
    catchUp.look(50, 10_000)
    expect([catchUp.left, lines.length]).toEqual([0, 3])
  })

  it('of a few batches is not worth a word', () => {
    const { lines, log } = heard()
    const catchUp = new CatchUp(log)
    catchUp.begin(9, 0)
    catchUp.look(5, 5000)
    expect([catchUp.left, lines]).toEqual([0, []])
  })
})
