/**
 * The shuffle's transport: every executor listens on a Unix socket in a directory only this user
 * may enter, and sends to each peer on one connection of its own, made when it is first needed. A
 * connection begins with the team's secret.
 *
 * `exchange` is a barrier. It ends with an error at once when a peer's connection breaks, when the
 * attempt is aborted, when the peers do different work, and after a time limit. Nothing it holds
 * outlives the attempt except connections, which last as long as both processes do. A crash leaves
 * a socket file that nobody uses again: its name has the incarnation.
 */
import { join } from 'node:path'
import { assert, present } from '../base/assert.ts'
import { equalBytes } from '../base/bytes.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import type { Collective } from '../dataset/runtime.ts'
import { FRAME_BYTES_MAX, FrameAssembler, frameHeader } from '../host/frames.ts'
import type { Clock, Connection, Listener, Network } from '../host/host.ts'
import { within } from './deferred.ts'
import { decodeHello, decodePart, encodeHello, encodePartHead } from './exchange-frame.ts'
import { Inbox } from './inbox.ts'
import { EXECUTOR_LIMITS } from './limits.ts'
import type { Member } from './protocol.ts'

export interface ExchangeOptions {
  readonly net: Network
  readonly clock: Clock
  readonly rank: number
  readonly size: number
  readonly incarnation: number
  /** Directory of the sockets. */
  readonly scratch: string
  readonly secret: Uint8Array
  /** A collective waits so long for the others, in ms. */
  readonly timeoutMs: number
}

interface Inbound {
  readonly incarnation: number
  readonly connection: Connection
}

export class Exchange {
  readonly #options: ExchangeOptions
  readonly #inbox: Inbox
  readonly #outbound = new Map<number, Promise<Connection>>()
  readonly #inbound = new Map<number, Inbound>()
  #members: readonly Member[] = []
  #listener: Listener | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
    this.#inbox = new Inbox(options.rank, options.size)
  }

  /** Listens; the path peers connect to. */
  async open(): Promise<string> {
    const { incarnation, net, rank, scratch } = this.#options
    const path = join(scratch, `${String(rank)}-${String(incarnation)}`)
    this.#listener = await net.listen({ path }, (connection) => {
      void this.#receive(connection)
    })
    return path
  }

  /**
   * Who the peers are from now on. What is left of one that was replaced is dropped: its end is no
   * news any more.
   */
  join(members: readonly Member[]): void {
    for (const { incarnation, rank } of members) {
      if (this.#members[rank]?.incarnation !== incarnation) this.#hangUp(rank)
      const inbound = this.#inbound.get(rank)
      if (inbound === undefined || inbound.incarnation >= incarnation) continue
      this.#inbound.delete(rank)
      this.#inbox.forget(rank)
      inbound.connection.destroy()
    }
    this.#members = [...members]
  }

  /** The collectives of an attempt. They end with `signal`. */
  begin(attempt: number, signal: AbortSignal): Collective {
    const { rank, size } = this.#options
    this.#inbox.begin(attempt)
    signal.addEventListener('abort', () => {
      this.#inbox.fail(aborted('it was given up', signal.reason))
    })
    return {
      rank,
      size,
      exchange: async (label, frames) => await this.#exchange(attempt, label, frames),
    }
  }

  end(): void {
    this.#inbox.end()
  }

  async close(): Promise<void> {
    for (const { rank } of this.#members) this.#hangUp(rank)
    for (const { connection } of this.#inbound.values()) connection.destroy()
    await this.#listener?.close()
  }

  async #exchange(
    attempt: number,
    fullLabel: string,
    frames: readonly Uint8Array[],
  ): Promise<readonly Uint8Array[]> {
    const { clock, rank, size, timeoutMs } = this.#options
    assert(frames.length === size, 'a frame for everyone')
    const label = fullLabel.slice(0, EXECUTOR_LIMITS.labelLengthMax).toWellFormed()
    const entered = this.#inbox.enter(label, present(frames[rank], 'own frame'))
    const head = encodePartHead({ attempt, sequence: entered.sequence, label })
    for (const [peer, frame] of frames.entries()) {
      if (peer !== rank) void this.#send(peer, head, frame)
    }
    const all = await within(clock, timeoutMs, entered.all, undefined)
    if (all !== undefined) return all
    const who = `executor ${this.#inbox.missing.map(String).join(', ')}`
    const late = aborted(`after ${String(timeoutMs)} ms ${who} was not at ‘${label}’`)
    this.#inbox.fail(late)
    throw late
  }

  /**
   * A peer that cannot be sent to ends the attempt: the failure goes where the answer is awaited.
   */
  async #send(peer: number, head: Uint8Array, payload: Uint8Array): Promise<void> {
    try {
      const connecting = this.#outbound.get(peer) ?? this.#connect(peer)
      this.#outbound.set(peer, connecting)
      const connection = await connecting
      const header = frameHeader(head.length + payload.length)
      const writes = [
        connection.write(Buffer.concat([header, head])),
        ...(payload.length === 0 ? [] : [connection.write(payload)]),
      ]
      await Promise.all(writes)
    } catch (error) {
      this.#hangUp(peer)
      this.#inbox.fail(aborted(`executor ${String(peer)} cannot be reached`, error))
    }
  }

  async #connect(peer: number): Promise<Connection> {
    const { incarnation, net, rank, secret } = this.#options
    const member = present(this.#members[peer], 'address of a peer')
    const connection = await net.connect({ path: member.path })
    const hello = encodeHello({ secret, incarnation, rank })
    await connection.write(Buffer.concat([frameHeader(hello.length), hello]))
    return connection
  }

  #hangUp(peer: number): void {
    const connecting = this.#outbound.get(peer)
    this.#outbound.delete(peer)
    // One that could not be made has been reported to whoever wanted to send on it.
    connecting?.then(
      (connection) => {
        connection.destroy()
      },
      () => undefined,
    )
  }

  /**
   * Reads one connection to its end. What breaks it ends the attempt, if its sender is still a
   * peer.
   */
  async #receive(connection: Connection): Promise<void> {
    const assembler = new FrameAssembler(EXECUTOR_LIMITS.helloBytesMax)
    let from: number | undefined
    let why = 'it ended the connection'
    try {
      for (let piece = await connection.read(); piece; piece = await connection.read()) {
        for (const frame of assembler.push(piece)) {
          if (from === undefined) {
            from = this.#greet(frame, connection)
            assembler.limit = FRAME_BYTES_MAX
          } else this.#inbox.take(from, decodePart(frame))
        }
      }
    } catch (error) {
      why = messageOf(error)
    } finally {
      connection.destroy()
    }
    if (from !== undefined) this.#lost(from, connection, why)
  }

  /**
   * Who a new connection is from. Throws `MR_PROTOCOL` for a stranger or the ghost of a replaced
   * executor.
   */
  #greet(frame: Uint8Array, connection: Connection): number {
    const { incarnation, rank, secret } = decodeHello(frame)
    const known = this.#members[rank]?.incarnation ?? 0
    const welcome = equalBytes(secret, this.#options.secret) && incarnation >= known
    if (!welcome || rank >= this.#options.size) {
      throw new MillraceError('MR_PROTOCOL', 'a stranger on the socket of an executor')
    }
    const before = this.#inbound.get(rank)
    if (before !== undefined && before.incarnation !== incarnation) this.#inbox.forget(rank)
    this.#inbound.set(rank, { incarnation, connection })
    before?.connection.destroy()
    return rank
  }

  #lost(from: number, connection: Connection, why: string): void {
    if (this.#inbound.get(from)?.connection !== connection) return
    this.#inbound.delete(from)
    this.#inbox.fail(aborted(`executor ${String(from)} is gone: ${why}`))
  }
}

function aborted(why: string, cause?: unknown): MillraceError {
  return new MillraceError('MR_ATTEMPT_ABORTED', `the attempt cannot go on: ${why}`, { cause })
}
