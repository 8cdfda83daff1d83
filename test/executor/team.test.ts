/** A team of executors, as processes and inline, of one and of several: one contract. */
import { describe, expect, it } from 'vitest'
import { type Kind, TestCheckpoint, teamOf } from './support.ts'

const WORD_TOTALS = `
  import { defineApp, seconds } from 'millrace'
  const batches = [['a', 'b', 'a'], ['b', 'c'], ['a', 'c', 'c', 'd']]
  export default defineApp({ name: 'totals', batchInterval: seconds(1) }, (ssc) => {
    ssc.sequenceStream({ uid: 'words', partitions: 3, batches })
      .map((word) => [word, 1])
      .updateStateByKey({ uid: 'total' }, (ones, before) => (before ?? 0) + ones.length)
      .toRows('totals')
  })`

const TEAMS: readonly (readonly [Kind, number])[] = [
  ['inline', 1],
  ['inline', 3],
  ['processes', 1],
  ['processes', 3],
]

describe.each(TEAMS)('a team %s of %i', (kind, size) => {
  it('tells the graph and carries state from batch to batch', async () => {
    const { team } = await teamOf(WORD_TOTALS, { kind, size })
    const shape = await team.build()
    expect(shape.application).toBe('totals')
    expect(shape.states.map((state) => state.uid)).toEqual(['total'])
    const checkpoint = new TestCheckpoint()
    await team.load(checkpoint.source)
    expect(await checkpoint.batch(team, 0)).toEqual(['["a",2]', '["b",1]'])
    expect(await checkpoint.batch(team, 1)).toEqual(['["a",2]', '["b",2]', '["c",1]'])
    expect(team.statuses().map(({ rank, restarts, state }) => ({ rank, restarts, state }))).toEqual(
      Array.from({ length: size }, (_, rank) => ({ rank, restarts: 0, state: 'ready' })),
    )
  })

  it('takes state over from the pieces of an earlier life', async () => {
    const checkpoint = new TestCheckpoint()
    const first = await teamOf(WORD_TOTALS, { kind, size })
    await first.team.build()
    await first.team.load(checkpoint.source)
    await checkpoint.batch(first.team, 0)
    await checkpoint.batch(first.team, 1)
    await first.team.stop()
    const second = await teamOf(WORD_TOTALS, { kind, size: size === 1 ? 2 : 1 })
    await second.team.build()
    await second.team.load(checkpoint.source)
    expect(await checkpoint.batch(second.team, 2)).toEqual([
      '["a",3]',
      '["b",2]',
      '["c",3]',
      '["d",1]',
    ])
  })

  it('answers queries from what is committed, decoded', async () => {
    const { team } = await teamOf(WORD_TOTALS, { kind, size })
    await team.build()
    const checkpoint = new TestCheckpoint()
    await team.load(checkpoint.source)
    expect(await team.query('total', 'a')).toEqual({ kind: 'absent' })
    await checkpoint.batch(team, 0)
    const undecided = await team.run({
      time: 1,
      attempt: 100,
      number: 2,
      inputs: [{ streamId: 0, kind: 'range', from: 2, until: 3 }],
    })
    expect(undecided.kind).toBe('done')
    expect(await team.query('total', 'a')).toEqual({ kind: 'found', value: 2 })
    team.abort(100)
    expect(await team.query('total', 'd')).toEqual({ kind: 'absent' })
    expect(await team.query('other', 'a')).toEqual({ kind: 'unknownState' })
    await expect(team.query('total', { no: 'key' })).rejects.toMatchObject({
      code: 'MR_KEY_INVALID',
    })
  })

  it('drops what an aborted attempt changed', async () => {
    const { team } = await teamOf(WORD_TOTALS, { kind, size })
    await team.build()
    const checkpoint = new TestCheckpoint()
    await team.load(checkpoint.source)
    const inputs = [{ streamId: 0, kind: 'range', from: 0, until: 1 }] as const
    for (const attempt of [50, 51]) {
      expect((await team.run({ time: 0, attempt: attempt - 50, number: 1, inputs })).kind).toBe(
        'done',
      )
      team.abort(attempt - 50)
    }
    const { team: fresh } = await teamOf(WORD_TOTALS, { kind, size })
    await fresh.build()
    await fresh.load(checkpoint.source)
    expect(await checkpoint.batch(fresh, 0)).toEqual(['["a",2]', '["b",1]'])
  })

  it('reports what a user function throws, and goes on with a new executor', async () => {
    const { team, replaced } = await teamOf(
      `
      import { defineApp, seconds } from 'millrace'
      export default defineApp({ name: 'throws', batchInterval: seconds(1) }, (ssc) => {
        ssc.sequenceStream({ uid: 'in', partitions: 3, batches: [[1, 2, 3]] })
          .transform((numbers, { attempt }) =>
            numbers.map((n) => {
              if (n === 2 && attempt === 1) throw new TypeError('two is too many')
              return n * 10
            }))
          .toRows('out')
      })`,
      { kind, size },
    )
    await team.build()
    const checkpoint = new TestCheckpoint()
    await team.load(checkpoint.source)
    const outcome = await checkpoint.attempt(team, 0)
    expect(outcome).toMatchObject({ kind: 'failed', code: 'MR_USER_FUNCTION_FAILED' })
    if (outcome.kind === 'failed') {
      expect(outcome.message).toContain('two is too many')
      if (kind === 'processes') {
        expect(outcome.place).toBe('app.ts:6:21')
        expect(outcome.stack).toMatch(/app\.ts:7:\d+/)
      }
    }
    expect(await checkpoint.batch(team, 0)).toEqual(['10', '20', '30'])
    expect(replaced).toHaveLength(1)
    expect(replaced[0]).toContain('two is too many')
  })
})
