/** Errors as data: whom they blame, and what a process that ended tells of its end. */
import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { failureOf, failureOfExit } from '../../src/executor/failure.ts'

describe('a failure', () => {
  const running = [{ operator: 'map', location: 'app.ts:1:1' }]

  it('keeps the place an error names, else the operators that ran', () => {
    const named = new MillraceError('MR_NOT_A_PAIR', 'x', {
      details: { operator: 'join', place: 'app.ts:9:9' },
    })
    expect(failureOf(named, running).places).toEqual([{ operator: 'join', location: 'app.ts:9:9' }])
    expect(failureOf(new MillraceError('MR_PRESSURE', 'x'), running).places).toEqual(running)
  })

  it('has the stack of what the user threw', () => {
    const cause = new TypeError('inner')
    const wrapped = new MillraceError('MR_USER_FUNCTION_FAILED', 'outer', { cause })
    expect(failureOf(wrapped, []).stack).toBe(cause.stack)
  })

  it('takes an error without a code for the user’s', () => {
    expect(failureOf(new TypeError('no'), running)).toMatchObject({
      code: 'MR_USER_FUNCTION_FAILED',
      message: 'TypeError: no',
      places: running,
    })
    expect(failureOf('text', []).message).toBe('text')
  })

  it('tells a full heap from other deaths by what was printed', () => {
    const exit = { code: null, signal: 'SIGABRT' }
    const heap = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory'
    expect(failureOfExit(1, exit, ['x', heap], running)).toMatchObject({
      code: 'MR_EXECUTOR_OUT_OF_MEMORY',
      message: 'executor 1 ran out of memory while running map at app.ts:1:1',
    })
    expect(failureOfExit(1, { code: null, signal: 'SIGKILL' }, [], [])).toMatchObject({
      code: 'MR_EXECUTOR_DIED',
      message: 'executor 1 was killed by SIGKILL',
    })
  })
})
