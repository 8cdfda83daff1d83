/** What a changed program means for stored state, sentence by sentence. */
import { describe, expect, it } from 'vitest'
import { json, structured } from '../../src/base/codec.ts'
import type { Pair } from '../../src/base/keys.ts'
import { buildGraph } from '../../src/dstream/app.ts'
import { compareShapes, renderComparison } from '../../src/dstream/compare-shapes.ts'
import type { DStream, StateOptions } from '../../src/dstream/dstream.ts'
import type { GraphShape } from '../../src/dstream/shape.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { program } from './harness.ts'

const shapeOf = (build: (s: DStream<Pair<string, number>>) => void, uid = 'in'): GraphShape =>
  buildGraph(
    program((ssc) => {
      build(ssc.sequenceStream<Pair<string, number>>({ uid, batches: [] }))
    }),
  ).shape

const built = (build: (ssc: StreamingContext) => void): GraphShape =>
  buildGraph(program(build)).shape

const nobody = { onStart: () => undefined, onStop: () => undefined }

const counting = (options: StateOptions<number>, more = false): GraphShape =>
  shapeOf((s) => {
    const input = more ? s.filter(() => true) : s
    input.updateStateByKey(options, (v) => v.length).toRows('out')
  })

describe('a changed program', () => {
  it('is the same when only places, names of outputs and parameters differ', () => {
    const one = counting({})
    const two = shapeOf((s) => {
      s.updateStateByKey({}, () => 5).toRows('another')
    })
    expect(compareShapes(one, two)).toMatchObject({ same: true, refusals: [] })
    expect(compareShapes(one, two).changes.map(({ kind, role, uid }) => [kind, role, uid])).toEqual(
      [
        ['kept', 'input', 'in'],
        ['kept', 'state', 'updateStateByKey-0'],
      ],
    )
  })

  it('keeps a named state in another shape', () => {
    const comparison = compareShapes(counting({ uid: 'n' }), counting({ uid: 'n' }, true))
    expect(comparison).toMatchObject({ same: false, refusals: [] })
  })

  it('is refused when its derived state is in another shape, with what to write', () => {
    const { refusals } = compareShapes(counting({}), counting({}, true))
    expect(refusals).toHaveLength(1)
    expect(refusals[0]).toMatch(
      /state at updateStateByKey at compare-shapes.*write \{ uid: 'updateStateByKey-0' \}/,
    )
  })

  it('goes on when the derived uid was then written, in the new shape or the old', () => {
    const named = { uid: 'updateStateByKey-0' }
    expect(compareShapes(counting({}), counting(named, true)).refusals).toEqual([])
    expect(compareShapes(counting({}), counting(named))).toMatchObject({ same: true, refusals: [] })
  })

  it('is refused when inputs without names of their own may have changed places', () => {
    const two = (...ports: number[]): GraphShape =>
      built((ssc) => {
        for (const port of ports) ssc.httpStream({ port }).toRows(`out ${String(port)}`)
      })
    expect(compareShapes(two(1, 2), two(1, 2)).refusals).toEqual([])
    expect(compareShapes(two(1, 2), two(2, 1)).refusals).toEqual([
      expect.stringMatching(/input at httpStream.*no name.*write \{ uid: 'httpStream-0' \}/),
      expect.stringMatching(/write \{ uid: 'httpStream-1' \}/),
    ])
    expect(compareShapes(two(1), two(2)).refusals).toEqual([])
    expect(compareShapes(two(1), two(2, 1)).refusals).toHaveLength(1)
    expect(compareShapes(two(1), two(1, 2)).refusals).toEqual([])
  })

  it('is refused when receivers, which nothing tells apart, may have changed places', () => {
    const receivers = (swap: boolean): GraphShape =>
      built((ssc) => {
        const a = (): void => {
          ssc.receiverStream({}, () => nobody).toRows('a')
        }
        const b = (): void => {
          ssc.receiverStream({}, () => nobody).toRows('b')
        }
        for (const make of swap ? [b, a] : [a, b]) make()
      })
    expect(compareShapes(receivers(false), receivers(false)).refusals).toEqual([])
    expect(compareShapes(receivers(false), receivers(true)).refusals).toHaveLength(2)
  })

  it('is refused when states without names may have changed places, or the code changed', () => {
    const states = (swap: boolean): GraphShape =>
      shapeOf((s) => {
        const a = (): void => {
          s.updateStateByKey({}, (v) => v.length).toRows('a')
        }
        const b = (): void => {
          s.updateStateByKey({}, () => 1).toRows('b')
        }
        for (const make of swap ? [b, a] : [a, b]) make()
      })
    const one = states(false)
    expect(compareShapes(one, states(false)).refusals).toEqual([])
    expect(compareShapes(one, states(true)).refusals).toHaveLength(2)
    const edited = { ...one, program: { code: 'another', params: one.program?.params ?? '' } }
    expect(compareShapes(one, edited).refusals).toHaveLength(2)
    expect(compareShapes({ ...one, program: undefined }, one).refusals).toHaveLength(2)
  })

  it('is refused when one place made several and the parameters changed', () => {
    const loop = (params: string): GraphShape => {
      const shape = shapeOf((s) => {
        for (const name of ['a', 'b']) s.updateStateByKey({}, () => 1).toRows(name)
      })
      return { ...shape, program: { code: 'same', params } }
    }
    expect(compareShapes(loop('1'), loop('1')).refusals).toEqual([])
    expect(compareShapes(loop('1'), loop('2')).refusals).toHaveLength(2)
  })

  it('goes on when a comment moved all of them, which leaves their order', () => {
    const at = (lines: readonly number[]): GraphShape => {
      const shape = shapeOf((s) => {
        for (const name of ['a', 'b']) s.updateStateByKey({}, () => 1).toRows(name)
      })
      const states = shape.states.map((state, i) => ({
        ...state,
        place: { operator: 'updateStateByKey', location: `app.ts:${String(lines[i])}:3` },
      }))
      return { ...shape, states, program: { code: 'same', params: '1' } }
    }
    expect(compareShapes(at([5, 9]), at([7, 11])).refusals).toEqual([])
    expect(compareShapes(at([5, 10]), at([10, 5])).refusals).toHaveLength(2)
  })

  it('starts a new state empty', () => {
    const now = shapeOf((s) => {
      s.updateStateByKey({ uid: 'n' }, (v) => v.length).toRows('out')
      s.updateStateByKey({ uid: 'm' }, (v) => v.length).toRows('more')
    })
    const { changes, refusals } = compareShapes(counting({ uid: 'n' }), now)
    expect(refusals).toEqual([])
    expect(changes.find((change) => change.uid === 'm')?.kind).toBe('new')
  })

  it('must drop a vanished state by name', () => {
    const stored = counting({ uid: 'n' })
    const now = counting({ uid: 'm' })
    expect(compareShapes(stored, now).refusals).toEqual([
      expect.stringMatching(
        /state 'n' is stored.*\{ uid: 'n' \}, or drop it by name: --drop-state n$/,
      ),
    ])
    expect(compareShapes(stored, now, ['n']).refusals).toEqual([])
  })

  it('migrates a changed codec', () => {
    const codec = { ...structured<number>(), version: 7 }
    const { changes, refusals } = compareShapes(
      counting({ uid: 'n' }),
      counting({ uid: 'n', codec }),
    )
    expect(refusals).toEqual([])
    expect(changes).toContainEqual({
      kind: 'codecChanged',
      role: 'state',
      uid: 'n',
      from: 1,
      to: 7,
    })
  })

  it('migrates from the default codec to JSON and back', () => {
    const [before, after] = [counting({ uid: 'n' }), counting({ uid: 'n', codec: json<number>() })]
    const change = { kind: 'codecChanged', role: 'state', uid: 'n' }
    expect(compareShapes(before, after).refusals).toEqual([])
    expect(compareShapes(before, after).changes).toContainEqual({ ...change, from: 1, to: 2 })
    expect(compareShapes(after, before).refusals).toEqual([])
    expect(compareShapes(after, before).changes).toContainEqual({ ...change, from: 2, to: 1 })
  })

  it('is refused when a state has another number of partitions', () => {
    const { refusals } = compareShapes(
      counting({ uid: 'n', partitions: 4 }),
      counting({ uid: 'n', partitions: 8 }),
    )
    expect(refusals).toEqual([
      expect.stringMatching(/is kept in 4 partitions.*write \{ partitions: 4 \}/),
    ])
  })

  it('is refused when an input became one of another kind', () => {
    const http = buildGraph(
      program((ssc) => {
        ssc.httpStream({ uid: 'in', port: 1 }).print()
      }),
    ).shape
    const { refusals } = compareShapes(counting({ uid: 'n' }), http, ['n'])
    expect(refusals).toEqual([
      expect.stringMatching(/input 'in' was a sequence input.*another uid/),
    ])
  })

  it('is told to people line by line', () => {
    const lines = renderComparison(compareShapes(counting({ uid: 'n' }), counting({ uid: 'm' })))
    expect(lines).toEqual([
      'the program does not fit what is stored, and run refuses it',
      expect.stringMatching(/^ {2}= input 'in' goes on \(sequenceStream at /),
      expect.stringMatching(/^ {2}\+ state 'm' is new and starts empty \(updateStateByKey at /),
      expect.stringMatching(/^ {2}! state 'n' is stored/),
    ])
  })
})
