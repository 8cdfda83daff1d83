/** Messages between a custom receiver's process and the driver. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import {
  decodeDown,
  decodeUp,
  type DownMessage,
  encodeDown,
  encodeUp,
  type UpMessage,
} from '../../src/receiver/custom-protocol.ts'

const number = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const block = fc.uint8Array({ maxLength: 64 })
const message = fc.string({ unit: 'grapheme' })

const ups: fc.Arbitrary<UpMessage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('started' as const, 'stopped' as const) }),
  fc.record({ kind: fc.constant('store' as const), id: number, records: number, block }),
  fc.record({ kind: fc.constantFrom('error', 'restart', 'failed'), message }),
)
const downs: fc.Arbitrary<DownMessage> = fc.oneof(
  fc.record({ kind: fc.constant('durable' as const), id: number }),
  fc.record({ kind: fc.constant('refused' as const), id: number, code: message, message }),
  fc.constant({ kind: 'stop' as const }),
)

describe('the protocol of custom receivers', () => {
  test.prop([ups])('reads every message upwards as it was written', (up) => {
    expect(plain(decodeUp(encodeUp(up)))).toEqual(plain(up))
  })

  test.prop([downs])('reads every message downwards as it was written', (down) => {
    expect(decodeDown(encodeDown(down))).toEqual(down)
  })

  test.prop([ups, fc.nat()])('refuses a message that is cut, unless a block is cut', (up, n) => {
    const bytes = encodeUp(up)
    fc.pre(up.kind !== 'store')
    const cut = bytes.subarray(0, n % bytes.length)
    expect(() => decodeUp(cut)).toThrow(expect.objectContaining({ code: 'MR_PROTOCOL' }))
  })

  test.prop([fc.uint8Array({ maxLength: 40 })])('takes no harm from any bytes', (bytes) => {
    for (const decode of [decodeUp, decodeDown]) {
      try {
        decode(bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'MR_PROTOCOL' })
      }
    }
  })

  it('refuses unknown kinds and extra bytes', () => {
    for (const bytes of [[], [0], [7], [1, 0], [3, 1]]) {
      expect(() => decodeUp(Uint8Array.from(bytes))).toThrow('a message of a custom receiver')
    }
    for (const bytes of [[], [0], [4], [3, 0], [1]]) {
      expect(() => decodeDown(Uint8Array.from(bytes))).toThrow('a message of a custom receiver')
    }
  })
})

const plain = (up: UpMessage): unknown =>
  up.kind === 'store' ? { ...up, block: [...up.block] } : up
