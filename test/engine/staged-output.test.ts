/** What lies in a commit of an output comes back as it was, and bytes that are none are refused. */
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { isMillraceError } from '../../src/base/errors.ts'
import { decodeStaged, encodeStaged, type StagedOutput } from '../../src/engine/staged-output.ts'

const staged: fc.Arbitrary<StagedOutput> = fc.record({
  outputId: fc.nat(),
  uid: fc.string({ unit: 'grapheme' }),
  kind: fc.constantFrom('print', 'textFiles', 'rows'),
  parameters: fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.boolean(), fc.constant(null))),
  time: fc.maxSafeNat(),
  attempt: fc.maxSafeNat(),
  parts: fc.array(fc.record({ partition: fc.nat(), payload: fc.uint8Array() })),
})

describe('a staged output', () => {
  it('comes back from its bytes', () => {
    fc.assert(
      fc.property(staged, (output) => {
        const back = decodeStaged(encodeStaged(output))
        expect(JSON.parse(JSON.stringify(back))).toEqual(JSON.parse(JSON.stringify(output)))
      }),
    )
  })

  it('is refused when its bytes are cut', () => {
    const bytes = encodeStaged({
      ...{ outputId: 1, uid: 'out', kind: 'print', parameters: {}, time: 5, attempt: 2 },
      parts: [{ partition: 0, payload: new Uint8Array(10) }],
    })
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeStaged(bytes.subarray(0, length))).toThrow(
        expect.toSatisfy((e: unknown) => isMillraceError(e, 'MR_CHECKPOINT_DAMAGED')),
      )
    }
  })
})
