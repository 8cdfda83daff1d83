/** From the replies of all executors to one outcome. */
import { describe, expect, it } from 'vitest'
import type { AttemptDone } from '../../src/executor/attempt.ts'
import { failure } from '../../src/executor/failure.ts'
import { merge, worst } from '../../src/executor/merge.ts'

describe('replies', () => {
  const done = (partition: number, records: number): AttemptDone => ({
    kind: 'done',
    states: [{ uid: 'b', partition, puts: [], deletes: [] }],
    outputs: [{ outputId: 0, parts: [{ partition, payload: new Uint8Array([partition]) }] }],
    records,
  })

  it('are merged by partition, whoever sent them', () => {
    const merged = merge([done(1, 10), done(0, 5)])
    expect(merged.states.map((state) => state.partition)).toEqual([0, 1])
    expect(merged.outputs).toEqual([
      {
        outputId: 0,
        parts: [
          { partition: 0, payload: new Uint8Array([0]) },
          { partition: 1, payload: new Uint8Array([1]) },
        ],
      },
    ])
    expect(merged.records).toBe(15)
  })

  it('blame the executor that failed, not the one that gave up because of it', () => {
    const gaveUp = { kind: 'failed', error: failure('MR_ATTEMPT_ABORTED', 'peer is gone') } as const
    const died = { kind: 'failed', error: failure('MR_EXECUTOR_DIED', 'killed') } as const
    expect(worst([gaveUp, died])).toEqual({ rank: 1, error: died.error })
    expect(worst([gaveUp, done(0, 1)])).toEqual({ rank: 0, error: gaveUp.error })
    expect(worst([done(0, 1)])).toBeUndefined()
  })
})
