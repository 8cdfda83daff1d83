/** Telling of input that was left out: all of it, and not too often. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { ReceiverEvent } from '../../src/receiver/receiver.ts'
import { Rejections } from '../../src/receiver/rejections.ts'

describe('rejections', () => {
  it('are told at once, then gathered for a second, and the rest by flush', async () => {
    const clock = new ManualClock()
    const events: ReceiverEvent[] = []
    const rejections = new Rejections(clock, (event) => events.push(event))
    rejections.add('line too long', 1)
    expect(events).toEqual([{ kind: 'rejected', reason: 'line too long', records: 1 }])
    for (let i = 0; i < 5; i++) rejections.add('line too long', 2)
    rejections.add('invalid UTF-8', 1)
    expect(events).toHaveLength(1)
    await clock.advance(1000)
    rejections.add('invalid UTF-8', 1)
    expect(events.slice(1)).toEqual([
      { kind: 'rejected', reason: 'line too long', records: 10 },
      { kind: 'rejected', reason: 'invalid UTF-8', records: 2 },
    ])
    rejections.add('invalid UTF-8', 4)
    rejections.flush()
    rejections.flush()
    expect(events.slice(3)).toEqual([{ kind: 'rejected', reason: 'invalid UTF-8', records: 4 }])
  })
})
