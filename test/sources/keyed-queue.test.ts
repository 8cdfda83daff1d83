/** One task of a key at a time. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { KeyedQueue } from '../../src/sources/keyed-queue.ts'

describe('a keyed queue', () => {
  test.prop([fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(4)), { maxLength: 30 })])(
    'runs the tasks of a key one at a time, in order, whatever each takes',
    async (tasks) => {
      const queue = new KeyedQueue()
      const running = new Set<string>()
      const ended: [string, number][] = []
      const all = tasks.map(async ([key, turns], i) => {
        await queue.run(key, async () => {
          expect(running.has(key)).toBe(false)
          running.add(key)
          for (let turn = 0; turn < turns; turn++) await Promise.resolve()
          running.delete(key)
          ended.push([key, i])
        })
      })
      await Promise.all(all)
      for (const key of ['a', 'b']) {
        const order = ended.filter(([k]) => k === key).map(([, i]) => i)
        expect(order).toEqual([...order].sort((x, y) => x - y))
      }
      expect(ended).toHaveLength(tasks.length)
    },
  )

  it('tells a failure to its caller alone, and goes on', async () => {
    const queue = new KeyedQueue()
    const failing = queue.run('a', () => Promise.reject(new Error('mine')))
    const next = queue.run('a', () => Promise.resolve('yours'))
    await expect(failing).rejects.toThrow('mine')
    expect(await next).toBe('yours')
  })

  it('does not hold one key up for another', async () => {
    const queue = new KeyedQueue()
    let open = (): void => undefined
    const held = queue.run(
      'a',
      () =>
        new Promise<void>((resolve) => {
          open = resolve
        }),
    )
    expect(await queue.run('b', () => Promise.resolve('free'))).toBe('free')
    open()
    await held
  })
})
