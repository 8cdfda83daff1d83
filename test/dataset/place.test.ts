/** Reading a place in the user's program out of a stack. */
import { describe, expect, it } from 'vitest'
import { AssertionFailure } from '../../src/base/assert.ts'
import { isMillraceError, MillraceError } from '../../src/base/errors.ts'
import { blame, callPlace, locationIn, ownFolders } from '../../src/dataset/place.ts'

const OWN = ownFolders('/opt/app/node_modules/millrace/dist/src/')

const frames = (...lines: string[]): string =>
  ['Error: x', ...lines].map((l) => `    ${l}`).join('\n')

describe('a place', () => {
  it('is the line of the call', () => {
    const { operator, location } = callPlace('map')
    expect(operator).toBe('map')
    expect(location).toMatch(/^place\.test\.ts:\d+:\d+$/)
  })

  it('is the first frame outside this package, compiled or mapped to its source, and Node', () => {
    const stack = frames(
      'at callPlace (file:///opt/app/node_modules/millrace/dist/src/dataset/place.js:3:1)',
      'at Object.map (/opt/app/node_modules/millrace/src/dstream/make-dstream.ts:8:2)',
      'at node:internal/process:5:5',
      'at async build (file:///opt/app/programs/word-count.ts:12:5)',
      'at file:///opt/app/other.ts:1:1',
    )
    expect(locationIn(stack, OWN)).toBe('word-count.ts:12:5')
  })

  it.each([
    ['at /srv/a b/app.ts:1:2', 'app.ts:1:2'],
    ['at Foo.<anonymous> (/srv/app.mjs:10:20)', 'app.mjs:10:20'],
    ['at new Foo (file:///srv/app.ts:1:2)', 'app.ts:1:2'],
    ['at <anonymous>', undefined],
    ['at Array.map (<anonymous>)', undefined],
  ])('of %j is %j', (line, location) => {
    expect(locationIn(frames(line), OWN)).toBe(location)
  })

  it('takes examples and tests beside the source for programs', () => {
    expect(ownFolders('/x/src/')).toEqual(['/x/src/'])
    expect(locationIn(frames('at /x/examples/app.ts:1:2'), ['/x/src/'])).toBe('app.ts:1:2')
  })
})

describe('blame', () => {
  const place = { operator: 'map', location: 'app.ts:1:2' }

  it('wraps what a function threw, whatever it is', () => {
    const error = blame(place, 'text')
    expect(isMillraceError(error, 'MR_USER_FUNCTION_FAILED')).toBe(true)
    expect(error.message).toBe('map at app.ts:1:2: text')
    expect(error.cause).toBe('text')
    expect(isMillraceError(error) && error.details['place']).toBe('app.ts:1:2')
  })

  it('adds the place to a bad key, once', () => {
    const error = blame(place, new MillraceError('MR_KEY_INVALID', 'no key'))
    expect(isMillraceError(error, 'MR_KEY_INVALID')).toBe(true)
    expect(error.message).toBe('map at app.ts:1:2: no key')
    expect(blame({ operator: 'other' }, error)).toBe(error)
  })

  it('leaves errors of the system and broken invariants alone', () => {
    for (const error of [new MillraceError('MR_LOG_DAMAGED', 'x'), new AssertionFailure('y')]) {
      expect(blame(place, error)).toBe(error)
    }
  })
})
