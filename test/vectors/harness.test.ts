/** The vector runner itself: it must be able to fail, and must not call a difference equal. */
import { describe, expect, it } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { differences } from './compare.ts'
import { binary, many, ofPartition, predicate, unary, update } from './functions.ts'
import { batchCount, faults } from './judge.ts'
import { tally, tallyLines } from './runner.ts'
import { functionOf } from './time-functions.ts'
import { decodeVector, decodeVectors, type Vector } from './vector.ts'
import type { Json } from '../../src/dstream/shape.ts'

const vector = (fields: { readonly [name: string]: Json }): Vector =>
  decodeVector({
    id: 'made#1',
    kind: 'dataflow',
    op: { kind: 'pipeline', pipeline: [] },
    batchMs: 1000,
    input: [[1]],
    expected: [[1]],
    ...fields,
  })

const rows = (...batches: readonly (readonly unknown[])[]) =>
  batches.map((batch, index) => ({ time: (index + 1) * 1000, rows: batch, partitions: 2 }))

describe('comparing', () => {
  it('holds sequences to their order', () => {
    const given = vector({ expected: [[1, 2]], compare: 'sequence' })
    expect(differences(given, rows([1, 2]))).toEqual([])
    expect(differences(given, rows([2, 1]))).toHaveLength(1)
  })
  it('takes sets in any order, but every element as often as it is there', () => {
    const given = vector({
      expected: [
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
      compare: 'set',
    })
    expect(
      differences(
        given,
        rows([
          ['b', 2],
          ['a', 1],
        ]),
      ),
    ).toEqual([])
    expect(
      differences(
        given,
        rows([
          ['b', 2],
          ['a', 1],
          ['a', 1],
        ]),
      ),
    ).toHaveLength(1)
    expect(
      differences(
        given,
        rows([
          ['b', 2],
          ['a', '1'],
        ]),
      ),
    ).toHaveLength(1)
  })
  it('takes lists inside an element in any order only where the shape says list', () => {
    const expected = [
      [
        [
          'a',
          [
            [1, 2],
            [3, 4],
          ],
        ],
      ],
    ]
    const list = vector({
      ...{ expected, compare: 'multiset' },
      shape: ['pair', 'str', ['list', ['pair', 'num', 'num']]],
    })
    expect(
      differences(
        list,
        rows([
          [
            'a',
            [
              [3, 4],
              [1, 2],
            ],
          ],
        ]),
      ),
    ).toEqual([])
    expect(
      differences(
        list,
        rows([
          [
            'a',
            [
              [4, 3],
              [1, 2],
            ],
          ],
        ]),
      ),
    ).toHaveLength(1)
    const pair = vector({
      ...{ expected, compare: 'multiset' },
      shape: ['pair', 'str', ['pair', ['pair', 'num', 'num'], ['pair', 'num', 'num']]],
    })
    expect(
      differences(
        pair,
        rows([
          [
            'a',
            [
              [3, 4],
              [1, 2],
            ],
          ],
        ]),
      ),
    ).toHaveLength(1)
  })
  it('counts datasets, their times and their partitions', () => {
    const given = vector({
      expected: [[1], []],
      expectedTimes: [1000, 2000],
      expectedPartitions: 2,
    })
    expect(differences(given, rows([1], []))).toEqual([])
    expect(differences(given, rows([1]))).toHaveLength(1)
    expect(differences(given, rows([1], [], []))).toHaveLength(1)
    expect(differences(given, [{ time: 1000, rows: [1], partitions: 3 }])).toHaveLength(2)
    expect(differences(given, rows([1]).concat({ time: 3000, rows: [], partitions: 2 }))).toEqual([
      'dataset 2 (time 3000): expected at 2000',
    ])
  })
})

describe('judging errors', () => {
  const given = vector({
    kind: 'dataflow-error',
    expected: [[1]],
    expectedTimes: [1000],
    expectedError: { class: 'E', when: 'job generation of batch 2' },
  })
  const error = { when: 2, code: 'MR_NO_DATASET', message: 'm' } as const

  it('wants the moment, a code, and what came before', () => {
    expect(faults(given, { batches: rows([1]), error })).toEqual([])
    expect(faults(given, { batches: rows([1]), error: { ...error, when: 3 } })).toHaveLength(1)
    expect(faults(given, { batches: rows([1]), error: { ...error, when: 'start' } })).toHaveLength(
      1,
    )
    expect(
      faults(given, { batches: rows([1]), error: { ...error, code: undefined } }),
    ).toHaveLength(1)
    const died = { ...error, code: 'MR_EXECUTOR_DIED' }
    expect(faults(given, { batches: rows([1]), error: died })).toHaveLength(1)
    expect(faults(given, { batches: [], error })).toHaveLength(1)
    expect(faults(given, { batches: rows([1]) })).toHaveLength(1)
  })
  it('takes an error before any batch for one in the first batch or at start', () => {
    const at = (when: string): Vector =>
      vector({ kind: 'dataflow-error', expected: [], expectedError: { class: 'E', when } })
    const early = { batches: [], error: { ...error, when: 'construction' } } as const
    expect(faults(at('job of batch 1'), early)).toEqual([])
    expect(faults(at('start'), early)).toEqual([])
    expect(
      faults(at('construction'), { batches: [], error: { ...error, when: 'start' } }),
    ).toHaveLength(1)
  })
  it('takes an error where none is expected for a fault', () => {
    expect(faults(vector({}), { batches: rows([1]), error })).toHaveLength(1)
  })
  it('runs until the error must have come', () => {
    expect(batchCount(given)).toBe(2)
    expect(batchCount(vector({ numBatches: 7 }))).toBe(7)
  })
})

describe('the vocabulary', () => {
  it('is what the vectors say it is', () => {
    expect(unary({ fn: 'modPair', n: 3 })(-3)).toEqual([0, -3])
    expect(Object.is(unary({ fn: 'modPair', n: 3 })(-3), -0)).toBe(false)
    expect(unary({ fn: 'pairSum' })([null, 2])).toBe(2)
    expect(() => unary({ fn: 'throwOn', value: ['a', 1] })(['a', 1])).toThrow('thrown on')
    expect(many({ fn: 'valueAndKeyChars' })(['hi', 1])).toEqual([
      [1, 'h'],
      [1, 'i'],
    ])
    expect(predicate({ fn: 'keyContains', s: 'b' })(['abc', 0])).toBe(true)
    expect(binary({ fn: 'max' })('B', 'a')).toBe('a')
    expect(ofPartition({ fn: 'partitionSum' })([])).toEqual([0])
    expect(ofPartition({ fn: 'partitionConcatUpper' })([])).toEqual([''])
    expect(() => unary({ fn: 'constructor' })).toThrow(`function 'constructor'`)
  })
  it('drops a counter after two idle batches, and not before', () => {
    const change = update({ fn: 'dropAfterTwoIdleBatches' })
    const once = change([], { counter: 3, expire: 0 }, { time: 0 })
    expect(once).toEqual({ counter: 3, expire: 1 })
    expect(change([], once, { time: 0 })).toBeUndefined()
    expect(change([2], once, { time: 0 })).toEqual({ counter: 5, expire: 0 })
  })
  it('computes times through the project, not beside it', () => {
    expect(functionOf('Time.floor')?.([[1350, 200]])).toBe(1200)
    expect(functionOf('Duration.less')?.([[1, 1]])).toBe(false)
    expect(
      functionOf('getRestartTime')?.([{ nowMs: 7250, periodMs: 1000, originalStartTime: 250 }]),
    ).toBe(8250)
    expect(functionOf('Time.hasOwnProperty')).toBeUndefined()
    expect(functionOf('Duration.Minutes')?.([[2]])).toBe(millis(120_000))
  })
})

describe('the report', () => {
  it('ends with the numbers, and names the ids behind them', () => {
    const sums = tally([
      ['a#1', { kind: 'passed' }],
      ['a#2', { kind: 'passed' }],
      ['b#1', { kind: 'failed', why: ['x'] }],
      ['b#2', { kind: 'skipped', reason: 'later' }],
    ])
    expect(tallyLines(sums)).toEqual([
      'passed: a#1 #2',
      'failed: b#1',
      'skipped (later): b#2',
      '2 passed, 1 failed, 1 skipped',
    ])
  })
  it('refuses what is no vector', () => {
    expect(() => decodeVectors('{}')).toThrow('a list is needed')
    expect(() =>
      decodeVectors('[{"id":"a","kind":"odd","op":{},"input":[],"expected":[]}]'),
    ).toThrow(`a: unknown kind "odd"`)
  })
})
