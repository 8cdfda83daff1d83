/** Frames survive any cut of the stream, and a length over the limit is refused. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameAssembler, frameHeader } from '../../src/host/frames.ts'

const cat = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

describe('frames', () => {
  it('come out as they went in, however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 20 }),
        (payloads, cuts) => {
          const stream = cat(payloads.flatMap((one) => [frameHeader(one.length), one]))
          const assembler = new FrameAssembler()
          const got: Uint8Array[] = []
          for (let at = 0, n = 0; at < stream.length; n++) {
            const end = at + (cuts[n % cuts.length] ?? 1)
            got.push(...assembler.push(stream.subarray(at, end)))
            at = end
          }
          expect(got.map((one) => [...one])).toEqual(payloads.map((one) => [...one]))
        },
      ),
    )
  })

  it('over the limit are refused before any room is made for them', () => {
    const assembler = new FrameAssembler(10)
    expect(() => [...assembler.push(frameHeader(11))]).toThrow(
      expect.objectContaining({ code: 'MR_PROTOCOL' }),
    )
  })

  it('may be longer once the limit was raised, within the same piece', () => {
    const long = new Uint8Array(100).fill(7)
    const assembler = new FrameAssembler(4)
    const got: number[] = []
    for (const frame of assembler.push(
      cat([frameHeader(1), long.subarray(0, 1), frameHeader(100), long]),
    )) {
      got.push(frame.length)
      assembler.limit = 100
    }
    expect(got).toEqual([1, 100])
  })

  it('refuse to announce more than a u32 of reason', () => {
    expect(() => frameHeader(2 ** 30 + 1)).toThrow(expect.objectContaining({ code: 'MR_PROTOCOL' }))
  })
})
