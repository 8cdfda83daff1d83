/**
 * The parts that peers have sent, matched with the collective this executor is in. Pure: it owns no
 * socket and no clock.
 *
 * A part may come before this executor has entered its collective, or before it has even begun the
 * attempt: it is kept. Since every collective is a barrier a peer can be at most two ahead; more is
 * a broken peer. Parts of older attempts are dropped. Invariant: while a collective is open, at
 * most one part of each peer has been taken for it.
 */
import { assert } from '../base/assert.ts'
import { MillraceError } from '../base/errors.ts'
import { type Deferred, deferred } from './deferred.ts'
import type { Part } from './exchange-frame.ts'
import { EXECUTOR_LIMITS } from './limits.ts'

interface Open {
  readonly sequence: number
  readonly label: string
  readonly parts: (Uint8Array | undefined)[]
  readonly all: Deferred<readonly Uint8Array[]>
}

export class Inbox {
  readonly #rank: number
  readonly #early: Part[][]
  #attempt = -1
  #active = false
  #sequence = 0
  #open: Open | undefined
  #failure: Error | undefined

  constructor(rank: number, size: number) {
    this.#rank = rank
    this.#early = Array.from({ length: size }, () => [])
  }

  begin(attempt: number): void {
    assert(attempt > this.#attempt, 'attempts begin in order')
    this.#attempt = attempt
    this.#active = true
    this.#sequence = 0
    this.#open = undefined
    this.#failure = undefined
    for (const [from, parts] of this.#early.entries()) {
      this.#early[from] = parts.filter((part) => part.attempt >= attempt)
    }
  }

  end(): void {
    this.fail(new MillraceError('MR_ATTEMPT_ABORTED', 'the attempt has ended'))
    this.#active = false
  }

  /**
   * Enters the next collective: its number, and what all gave to this executor (`own` in this one's
   * place).
   */
  enter(
    label: string,
    own: Uint8Array,
  ): { readonly sequence: number; readonly all: Promise<readonly Uint8Array[]> } {
    assert(this.#open === undefined, 'one collective at a time')
    if (this.#failure !== undefined) throw this.#failure
    const parts = this.#early.map((_, from) => (from === this.#rank ? own : undefined))
    const open = {
      sequence: this.#sequence++,
      label,
      parts,
      all: deferred<readonly Uint8Array[]>(),
    }
    this.#open = open
    for (const [from, early] of this.#early.entries()) {
      const at = early.findIndex((part) => this.#isFor(open, part))
      const [part] = at < 0 ? [] : early.splice(at, 1)
      if (part !== undefined) this.#put(open, from, part)
    }
    return { sequence: open.sequence, all: open.all.promise }
  }

  /**
   * Takes a part from a peer. Throws `MR_PROTOCOL` when that peer is further ahead than a barrier
   * lets it be.
   */
  take(from: number, part: Part): void {
    if (part.attempt < this.#attempt || (part.attempt === this.#attempt && !this.#active)) return
    if (this.#open !== undefined && this.#isFor(this.#open, part)) {
      this.#put(this.#open, from, part)
      return
    }
    const early = this.#early[from]
    if (early === undefined || early.length >= EXECUTOR_LIMITS.aheadMax) {
      throw new MillraceError('MR_PROTOCOL', `executor ${String(from)} runs ahead of the barrier`)
    }
    early.push(part)
  }

  /** A new process has taken a peer's place: what the old one sent early counts no more. */
  forget(from: number): void {
    this.#early[from] = []
  }

  /** Ends the attempt's collectives with `error`: the open one and all later ones. */
  fail(error: Error): void {
    if (!this.#active) return
    this.#failure ??= error
    this.#open?.all.reject(this.#failure)
    this.#open = undefined
  }

  #isFor(open: Open, part: Part): boolean {
    return part.attempt === this.#attempt && part.sequence === open.sequence
  }

  #put(open: Open, from: number, part: Part): void {
    if (part.label !== open.label) {
      this.fail(
        new MillraceError(
          'MR_COLLECTIVE_MISMATCH',
          `the executors do different work: executor ${String(this.#rank)} is at ` +
            `‘${open.label}’, executor ${String(from)} at ‘${part.label}’; what a program ` +
            'does may not depend on the process it runs in',
        ),
      )
      return
    }
    open.parts[from] = part.payload
    const parts = open.parts.filter((one) => one !== undefined)
    if (parts.length < open.parts.length) return
    this.#open = undefined
    open.all.resolve(parts)
  }

  /** The peers whose part of the open collective is missing. */
  get missing(): readonly number[] {
    return [...(this.#open?.parts.entries() ?? [])]
      .filter(([, part]) => part === undefined)
      .map(([from]) => from)
  }
}
