/** Which failures are a full disk. */
import { describe, expect, it } from 'vitest'
import { isDiskFull } from '../../src/base/disk-full.ts'
import { MillraceError } from '../../src/base/errors.ts'

const coded = (code: string): Error => Object.assign(new Error(code), { code })

describe('a full disk', () => {
  it.each([
    ['ENOSPC', coded('ENOSPC')],
    ['a quota', coded('EDQUOT')],
    ['a short write', new MillraceError('MR_SHORT_WRITE', '3 of 5 bytes')],
    ["LevelDB's words", new Error('IO error: 000007.ldb: No space left on device')],
    ['a cause', new Error('cannot stage', { cause: coded('ENOSPC') })],
  ])('is known by %s', (_what, error) => {
    expect(isDiskFull(error)).toBe(true)
  })

  it.each([
    ['another code', coded('EIO')],
    ['no error', 'ENOSPC'],
    ['nothing', undefined],
  ])('is not %s', (_what, error) => {
    expect(isDiskFull(error)).toBe(false)
  })
})
