/** Events of format version 1, byte by byte: these never change; a new format is a new version. */
import { describe, expect, it } from 'vitest'

import { decodeEvent, encodeEvent, type TrackerEvent } from '../../src/blocks/events.ts'
import { RECORD_KIND } from '../../wal/record.ts'

const payloadOf = (event: TrackerEvent): Buffer => Buffer.concat(encodeEvent(event).parts)

const GOLDEN: readonly { event: TrackerEvent; kind: number; hex: string }[] = [
  {
    event: {
      kind: 'addition',
      streamId: 3,
      format: 'text',
      records: 2,
      producer: { id: 'p-1', sequence: 41 },
      receivedAt: 1_700_000_000_000,
      bytes: Buffer.from('a\nb\n'),
    },
    kind: 1,
    hex: '0f000000' + '06' + '00' + '04' + '02' + '06702d31' + '52' + '80a0abfef962' + '610a620a',
  },
  {
    event: {
      kind: 'addition',
      streamId: 0,
      format: 'values',
      records: 1,
      receivedAt: 0,
      bytes: Uint8Array.of(255),
    },
    kind: 1,
    hex: '05000000' + '00' + '02' + '02' + '00' + '00' + 'ff',
  },
  {
    event: {
      kind: 'allocation',
      time: 1000,
      streams: [{ streamId: 3, positions: [98, 200] }],
      ranges: [{ streamId: 4, from: 0, until: 5 }],
    },
    kind: 2,
    hex:
      'd00f' +
      '02' +
      '06' +
      '04' +
      'c401' +
      '9003' +
      '00' +
      '00' +
      '02' +
      '08' +
      '00' +
      '0a' +
      '00',
  },
  {
    event: {
      kind: 'cleanup',
      time: 1000,
      commit: 7,
      digest: Uint8Array.of(1, 2, 3, 4),
      keepFrom: 1001,
    },
    kind: 3,
    hex: 'd00f' + '0e' + '0801020304' + 'd20f',
  },
  {
    event: {
      kind: 'snapshot',
      lastAllocated: 1000,
      cleanup: { time: 1000, commit: 7, digest: Uint8Array.of(9), keepFrom: 1001 },
      kept: [2000],
      unallocated: [{ streamId: 3, blocks: 2 }],
      producers: [{ streamId: 3, id: 'p', sequence: 41, lastUsed: 5 }],
      producersDropped: 1,
    },
    kind: 4,
    hex: '02d00f' + '02d00f0e0209d20f' + '02a01f00' + '02060400' + '02060270520a00' + '02',
  },
  {
    event: {
      kind: 'snapshot',
      lastAllocated: null,
      cleanup: null,
      kept: [],
      unallocated: [],
      producers: [],
      producersDropped: 0,
    },
    kind: 4,
    hex: '000000000000',
  },
]

describe('an event', () => {
  it.each(GOLDEN)('of kind $event.kind is these bytes and comes back', ({ event, kind, hex }) => {
    expect(encodeEvent(event).kind).toBe(kind)
    expect(payloadOf(event).toString('hex')).toBe(hex)
    const decoded = decodeEvent(encodeEvent(event).kind, payloadOf(event))
    const plain =
      event.kind === 'addition' ? { ...event, bytes: Uint8Array.from(event.bytes) } : event
    expect(decoded).toEqual(plain)
  })

  it('does not copy the bytes of a block', () => {
    const bytes = Uint8Array.of(1, 2)
    const entry = encodeEvent({
      kind: 'addition',
      streamId: 1,
      format: 'values',
      records: 1,
      receivedAt: 1,
      bytes,
    })
    expect(entry.parts.at(-1)).toBe(bytes)
  })

  it.each(['', '01', 'ffffffff', '0f00000006000402', '0500000000090200' + '00ff'])(
    'is not made of the payload %s',
    (hex) => {
      expect(() => decodeEvent(RECORD_KIND.blockAddition, Buffer.from(hex, 'hex'))).toThrow()
    },
  )

  it('with bytes behind its end is refused', () => {
    const payload = Buffer.from('d00f' + '0e' + '0801020304' + 'd20f' + '00', 'hex')
    expect(() => decodeEvent(RECORD_KIND.batchCleanup, payload)).toThrow()
  })
})
