/** What a person is told to try: only what the running program really offers. */
import { describe, expect, it } from 'vitest'
import { hintsOf } from '../../src/daemon/hints.ts'
import { engineStatus } from '../admin/fake-engine.ts'

const place = { operator: 'input' }
const input = (kind: 'http' | 'socketText' | 'generator', parameters: object, active = true) => ({
  shape: {
    streamId: 0,
    uid: 'in',
    derived: false,
    kind,
    parameters: { ...parameters },
    node: 0,
    place,
  },
  name: 'in',
  active,
  records: 0,
  rejected: 0,
})

describe('the hints', () => {
  it('name the inputs and states, and invent neither lines nor keys', () => {
    const status = {
      ...engineStatus(),
      inputs: [
        input('http', { port: 8080 }),
        input('socketText', { host: '127.0.0.1', port: 9999 }, false),
        input('socketText', { host: 'logs.example.org', port: 9998 }, false),
        input('socketText', { host: '127.0.0.1', port: 9997 }),
        input('generator', {}),
      ],
      states: [
        {
          ...{ uid: 'my totals', derived: false, partitions: 16, codecVersion: 1 },
          ...{ idle: 'skip' as const, node: 1, place },
        },
      ],
    }
    expect(hintsOf(status, 'http://127.0.0.1:4040')).toEqual([
      `curl --data-binary 'a line' http://127.0.0.1:8080/   (send a line your program reads)`,
      `nc -lk 127.0.0.1 9999   (and type lines your program reads: input 'in')`,
      'curl http://127.0.0.1:4040/state/my%20totals/KEY   (a key as JSON, percent-encoded)',
    ])
  })

  it('are silent about a port that only the machine knows', () => {
    const status = { ...engineStatus(), inputs: [input('http', { port: 0 })], states: [] }
    expect(hintsOf(status, 'http://127.0.0.1:4040')).toEqual([])
  })
})
