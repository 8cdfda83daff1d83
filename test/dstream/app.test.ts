/** A program's function: what it may not be. */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { buildGraph, defineApp } from '../../src/dstream/app.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'

describe('the function of a program', () => {
  it.each([
    ['returns', () => Promise.resolve()],
    ['fails later', () => Promise.reject(new Error('too late'))],
  ])('is not async, whether it %s', (_what, rest) => {
    const body = async (ssc: StreamingContext): Promise<void> => {
      ssc.sequenceStream({ batches: [[1]] }).print()
      await rest()
    }
    const unseen = body as unknown as (ssc: StreamingContext) => void
    const app = defineApp({ name: 'x', batchInterval: seconds(1) }, unseen)
    expect(() => buildGraph(app)).toThrow(
      expect.objectContaining({
        code: 'MR_GRAPH_INVALID',
        message: expect.stringMatching(
          /^defineApp at app\.test\.ts:\d+:\d+: the program's function must not be async/,
        ) as unknown,
      }),
    )
  })
})
