/** States that no output needs are named. */
import { describe, expect, it } from 'vitest'
import type { Pair } from '../../src/base/keys.ts'
import { buildGraph } from '../../src/dstream/app.ts'
import { unreadStates } from '../../src/dstream/unread-states.ts'
import { program } from './harness.ts'

describe('a state', () => {
  it('is named where no output reads it, however far behind it', () => {
    const { shape } = buildGraph(
      program((ssc) => {
        const pairs = ssc.sequenceStream<Pair<string, number>>({ batches: [] })
        pairs
          .updateStateByKey({ uid: 'read' }, () => 1)
          .map(([key]) => key)
          .count()
          .print()
        pairs.updateStateByKey({ uid: 'unread' }, () => 1).map(([key]) => key)
        const left = pairs.updateStateByKey({ uid: 'left' }, () => 1)
        left.join(pairs.updateStateByKey({ uid: 'right' }, () => 2)).toRows('out')
      }),
    )
    expect(unreadStates(shape)).toEqual([
      expect.stringMatching(
        /^no output reads state 'unread' \(updateStateByKey at unread-states\.test\.ts:\d+:\d+\)/,
      ),
    ])
  })
})
