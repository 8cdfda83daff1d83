/**
 * The barrier between executors: what each gives arrives, and nobody waits for one that will not
 * come.
 */
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Collective } from '../../src/dataset/runtime.ts'
import { Exchange } from '../../src/executor/exchange.ts'
import { encodeHello, encodePartHead } from '../../src/executor/exchange-frame.ts'
import type { Member } from '../../src/executor/protocol.ts'
import { frameHeader } from '../../src/host/frames.ts'
import type { Network } from '../../src/host/host.ts'
import { memoryNetwork } from '../../src/host/memory-network.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeNetwork } from '../../src/host/node-network.ts'
import { temporaryFolder } from './support.ts'

const SECRET = new Uint8Array(16).fill(7)
const NETWORKS: readonly (readonly [string, () => Network])[] = [
  ['in memory', memoryNetwork],
  ['over Unix sockets', () => nodeNetwork],
]

const open: Exchange[] = []
afterEach(async () => {
  for (const exchange of open.splice(0)) await exchange.close()
})

class Peers {
  readonly net: Network
  readonly scratch: string
  readonly exchanges: Exchange[] = []
  members: Member[] = []
  timeoutMs = 20_000

  constructor(net: Network, scratch: string) {
    this.net = net
    this.scratch = scratch
  }

  async add(rank: number, size: number, incarnation = rank): Promise<Exchange> {
    const { net, scratch, timeoutMs } = this
    const options = { net, clock: nodeClock, rank, size, incarnation, scratch, timeoutMs }
    const exchange = new Exchange({ ...options, secret: SECRET })
    const path = await exchange.open()
    open.push(exchange)
    this.exchanges[rank] = exchange
    this.members[rank] = { rank, incarnation, path }
    return exchange
  }

  join(): void {
    for (const exchange of this.exchanges) exchange.join(this.members)
  }

  begin(attempt: number, signal = new AbortController().signal): Collective[] {
    return this.exchanges.map((exchange) => exchange.begin(attempt, signal))
  }
}

async function peersOf(net: Network, size: number, timeoutMs = 20_000): Promise<Peers> {
  const peers = new Peers(net, await temporaryFolder())
  peers.timeoutMs = timeoutMs
  for (let rank = 0; rank < size; rank++) await peers.add(rank, size)
  peers.join()
  return peers
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))
const texts = (frames: readonly Uint8Array[]): string[] =>
  frames.map((frame) => Buffer.from(frame).toString())
const framesFrom = (rank: number, size: number): Uint8Array[] =>
  Array.from({ length: size }, (_, to) => bytes(`${String(rank)}→${String(to)}`))
const NONE = (size: number): Uint8Array[] => Array.from({ length: size }, () => new Uint8Array(0))

describe.each(NETWORKS)('an exchange %s', (_name, makeNetwork) => {
  it('gives every peer what every peer had for it, collective after collective', async () => {
    const size = 3
    const collectives = (await peersOf(makeNetwork(), size)).begin(1)
    for (const label of ['first', 'second', 'third']) {
      const got = await Promise.all(
        collectives.map((one, rank) => one.exchange(label, framesFrom(rank, size))),
      )
      expect(got.map(texts)).toEqual(
        got.map((_, to) =>
          Array.from({ length: size }, (_, from) => `${String(from)}→${String(to)}`),
        ),
      )
    }
  })

  it('moves large frames both ways at once', async () => {
    const [a, b] = (await peersOf(makeNetwork(), 2)).begin(1)
    const big = new Uint8Array(randomBytes(8 * 1024 * 1024))
    const hash = (frame: Uint8Array | undefined): string =>
      createHash('sha1')
        .update(frame ?? '')
        .digest('hex')
    const [got, back] = await Promise.all([
      a?.exchange('big', [new Uint8Array(0), big]),
      b?.exchange('big', [big, new Uint8Array(0)]),
    ])
    expect([hash(got?.[1]), hash(back?.[0])]).toEqual([hash(big), hash(big)])
  })

  it('keeps what a faster peer sends early, also of the next attempt', async () => {
    const peers = await peersOf(makeNetwork(), 2)
    const [fast] = peers.exchanges
    const slow = peers.exchanges[1]
    const signal = new AbortController().signal
    const first = fast?.begin(1, signal).exchange('one', framesFrom(0, 2))
    await nodeClock.sleep(30)
    const later = slow?.begin(1, signal)
    expect(texts((await later?.exchange('one', framesFrom(1, 2))) ?? [])).toEqual(['0→1', '1→1'])
    await first
    fast?.end()
    const next = fast?.begin(2, signal).exchange('two', framesFrom(0, 2))
    await nodeClock.sleep(30)
    slow?.end()
    expect(texts((await slow?.begin(2, signal).exchange('two', framesFrom(1, 2))) ?? [])).toEqual([
      '0→1',
      '1→1',
    ])
    await next
  })

  it('drops what an attempt left behind that is over', async () => {
    const peers = await peersOf(makeNetwork(), 2)
    const [a, b] = peers.exchanges
    const aborted = new AbortController()
    const lost = a?.begin(1, aborted.signal).exchange('one', [bytes('old'), bytes('old')])
    await nodeClock.sleep(30)
    aborted.abort(new Error('enough'))
    await expect(lost).rejects.toMatchObject({ code: 'MR_ATTEMPT_ABORTED' })
    a?.end()
    b?.end()
    const collectives = peers.begin(2)
    const got = await Promise.all(
      collectives.map((one) => one.exchange('one', [bytes('new'), bytes('new')])),
    )
    expect(got.map(texts)).toEqual([
      ['new', 'new'],
      ['new', 'new'],
    ])
  })

  it('names both places when two executors do different work', async () => {
    const [a, b] = (await peersOf(makeNetwork(), 2)).begin(1)
    const results = await Promise.allSettled([
      a?.exchange('join at app.ts:1:1', NONE(2)),
      b?.exchange('count at app.ts:2:2', NONE(2)),
    ])
    for (const result of results) {
      expect(result).toMatchObject({
        status: 'rejected',
        reason: { code: 'MR_COLLECTIVE_MISMATCH' },
      })
      const told = result.status === 'rejected' ? String(result.reason) : ''
      expect(told).toContain('join at app.ts:1:1')
      expect(told).toContain('count at app.ts:2:2')
    }
  })

  it('takes labels of any length for what they are', async () => {
    const [a, b] = (await peersOf(makeNetwork(), 2)).begin(1)
    const label = '😀'.repeat(499) + 'x😀'.repeat(5000)
    const got = await Promise.all([a?.exchange(label, NONE(2)), b?.exchange(label, NONE(2))])
    expect(got.map((frames) => frames?.length)).toEqual([2, 2])
  })

  it('ends at once when a peer is gone', async () => {
    const peers = await peersOf(makeNetwork(), 3)
    const collectives = peers.begin(1)
    await Promise.all(collectives.map((one) => one.exchange('meet', NONE(3))))
    const waiting = collectives.slice(0, 2).map((one) => one.exchange('wait', NONE(3)))
    const gone = expect(Promise.all(waiting)).rejects.toMatchObject({ code: 'MR_ATTEMPT_ABORTED' })
    await peers.exchanges[2]?.close()
    await gone
    const results = await Promise.allSettled(waiting)
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected'])
  })

  it('meets the one that took a peer’s place', async () => {
    const peers = await peersOf(makeNetwork(), 2)
    await Promise.all(peers.begin(1).map((one) => one.exchange('meet', NONE(2))))
    peers.exchanges[0]?.end()
    await peers.exchanges[1]?.close()
    await peers.add(1, 2, 9)
    peers.join()
    const got = await Promise.all(
      peers.begin(2).map((one, rank) => one.exchange('again', framesFrom(rank, 2))),
    )
    expect(got.map(texts)).toEqual([
      ['0→0', '1→0'],
      ['0→1', '1→1'],
    ])
  })

  it('gives up after its time limit and says who was missing', async () => {
    const [a] = (await peersOf(makeNetwork(), 3, 50)).begin(1)
    await expect(a?.exchange('sort', NONE(3))).rejects.toThrow(
      'after 50 ms executor 1, 2 was not at ‘sort’',
    )
    await expect(a?.exchange('next', NONE(3))).rejects.toMatchObject({ code: 'MR_ATTEMPT_ABORTED' })
  })

  it.each([
    ['a wrong secret', { secret: new Uint8Array(16), incarnation: 5, rank: 1 }],
    ['the incarnation of one that was replaced', { secret: SECRET, incarnation: 0, rank: 1 }],
    ['a rank that does not exist', { secret: SECRET, incarnation: 5, rank: 2 }],
  ])('hears nothing from a stranger with %s', async (_what, hello) => {
    const net = makeNetwork()
    const peers = new Peers(net, await temporaryFolder())
    await peers.add(0, 2)
    await peers.add(1, 2, 3)
    peers.join()
    const collectives = peers.begin(1)
    const stranger = await net.connect({ path: peers.members[0]?.path ?? '' })
    const part = encodePartHead({ attempt: 1, sequence: 0, label: 'meet' })
    for (const frame of [encodeHello(hello), Buffer.concat([part, bytes('forged')])]) {
      await stranger.write(new Uint8Array(Buffer.concat([frameHeader(frame.length), frame])))
    }
    await expect(
      stranger.read().then(
        (end) => end ?? 'closed',
        () => 'closed',
      ),
    ).resolves.toBe('closed')
    const got = await Promise.all(
      collectives.map((one, rank) => one.exchange('meet', framesFrom(rank, 2))),
    )
    expect(texts(got[0] ?? [])).toEqual(['0→0', '1→0'])
    stranger.destroy()
  })
})
