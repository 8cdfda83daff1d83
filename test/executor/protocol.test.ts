/** What one side encodes the other decodes, and nothing else is taken for a message. */
import { serialize } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeFromExecutor,
  decodeToExecutor,
  encodeFromExecutor,
  encodeToExecutor,
  type FromExecutor,
  type ToExecutor,
} from '../../src/executor/protocol.ts'

const place = { operator: 'map', location: 'app.ts:3:5' }
const error = {
  code: 'MR_USER_FUNCTION_FAILED',
  message: 'no',
  places: [place],
  stack: 'at',
} as const
const bytes = new Uint8Array([1, 2, 3])
const ref = { position: 10, segment: 1, offset: 4096, length: 100, epoch: 2 }

const toExecutor: readonly ToExecutor[] = [
  {
    kind: 'start',
    options: {
      rank: 1,
      size: 2,
      incarnation: 7,
      program: { bundle: 'file:///app.mjs', exportName: undefined, code: undefined },
      params: { host: 'here' },
      partitions: 16,
      logDirectory: '/data/log',
      workingDirectory: '/work',
      scratch: '/tmp/x',
      secret: bytes,
      exchangeTimeoutMs: 60_000,
    },
  },
  { kind: 'describe' },
  { kind: 'load', uid: 'total', partition: 3, pieces: [{ name: 'd/1', value: bytes }], last: true },
  { kind: 'members', members: [{ rank: 0, incarnation: 0, path: '/tmp/x/0-0' }] },
  {
    kind: 'run',
    time: 1000,
    attempt: 1,
    number: 5,
    inputs: [
      { kind: 'blocks', streamId: 0, refs: [ref] },
      { kind: 'range', streamId: 1, from: 2, until: 3 },
    ],
  },
  { kind: 'committed', attempt: 1 },
  { kind: 'abort', attempt: 1 },
  { kind: 'query', id: 1, uid: 'total', partition: 3, key: bytes },
  { kind: 'ping', n: 9 },
  { kind: 'stop' },
]

const fromExecutor: readonly FromExecutor[] = [
  { kind: 'built', digest: 'abc', shape: undefined, path: '/tmp/x/0-0' },
  { kind: 'refused', error },
  { kind: 'described', shape: '{}' },
  { kind: 'loaded', uid: 'total', partition: 3 },
  { kind: 'progress', attempt: 1, places: [place, { operator: 'shuffle' }] },
  {
    kind: 'done',
    attempt: 1,
    states: [
      { uid: 'total', partition: 3, puts: [{ name: 'd/1', value: bytes }], deletes: ['d/0'] },
    ],
    outputs: [{ outputId: 0, parts: [{ partition: 1, payload: bytes }] }],
    records: 12,
  },
  { kind: 'failed', attempt: 1, error: { ...error, stack: undefined } },
  { kind: 'answer', id: 1, result: { kind: 'found', value: new Map([['a', 1n]]) } },
  { kind: 'answer', id: 1, result: { kind: 'absent' } },
  { kind: 'answer', id: 1, result: { kind: 'failed', error } },
  { kind: 'pong', n: 9 },
  { kind: 'crashed', error },
]

const refused = { code: 'MR_PROTOCOL' }

describe('messages to an executor', () => {
  it.each(toExecutor)('come back whole: $kind', (message) => {
    expect(decodeToExecutor(encodeToExecutor(message))).toEqual(message)
  })
})

describe('messages from an executor', () => {
  it.each(fromExecutor)('come back whole: $kind', (message) => {
    const back = decodeFromExecutor(encodeFromExecutor(message))
    expect(JSON.stringify(plain(back))).toBe(JSON.stringify(plain(message)))
  })

  it('are refused with a path when a part is wrong', () => {
    const message = { kind: 'progress', attempt: 1, places: [{ operator: 'map' }, { operator: 4 }] }
    expect(() => decodeFromExecutor(serialize(message))).toThrow(
      'message.places[1].operator is no string',
    )
  })

  it.each([
    ['an unknown kind', { kind: 'hello' }],
    ['no record', [1]],
    ['an unknown error code', { kind: 'refused', error: { ...error, code: 'MR_OTHER' } }],
    ['a negative number', { kind: 'pong', n: -1 }],
    ['a missing field', { kind: 'failed', attempt: 1 }],
  ])('are refused when they hold %s', (_what, message) => {
    expect(() => decodeFromExecutor(serialize(message))).toThrow(expect.objectContaining(refused))
  })

  it('are never made of arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect(() => decodeFromExecutor(noise)).toThrow(expect.objectContaining(refused))
      }),
    )
  })
})

/** Byte arrays of either class, and maps, as comparable data. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value]
  if (value instanceof Map) return [...value].map(([k, v]) => [String(k), String(v)])
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]))
  }
  return value
}
