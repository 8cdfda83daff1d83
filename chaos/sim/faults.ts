/**
 * Which faults one boot meets, as data, and a count of those that fired. A fault strikes at the
 * n-th occasion of its kind, so a plan is repeated exactly.
 */
import type { Dice } from '../kill/dice.ts'

export const FAULTS = [
  'short-write',
  'no-space',
  'sync-eio',
  'read-eio',
  'misdirected-write',
  'slow-disk',
  'executor-death',
  'executor-hang',
  'late-reply',
  'reply-lost',
  'connection-reset',
  'clock-forward',
  'clock-back',
] as const
export type FaultKind = (typeof FAULTS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** The occasion at which it strikes, from 0. */
  readonly at: number
  /** Files it is about, by kind; every one when absent. */
  readonly on?: string
  /** How long, how much: by kind. */
  readonly size: number
}

export type Fired = Map<string, number>

export const count = (fired: Fired, what: string): void => {
  fired.set(what, (fired.get(what) ?? 0) + 1)
}

export class Faults {
  readonly #faults: readonly Fault[]
  readonly #seen = new Map<Fault, number>()
  readonly #fired: Fired

  constructor(faults: readonly Fault[], fired: Fired) {
    this.#faults = faults
    this.#fired = fired
  }

  /** The fault that strikes at this occasion, if any. */
  strikes(kind: FaultKind, on = ''): Fault | undefined {
    let struck: Fault | undefined
    for (const fault of this.#faults) {
      if (fault.kind !== kind) continue
      if (fault.on !== undefined && !on.includes(fault.on)) continue
      const seen = this.#seen.get(fault) ?? 0
      this.#seen.set(fault, seen + 1)
      if (seen === fault.at) struck = fault
    }
    if (struck !== undefined) count(this.#fired, struck.kind)
    return struck
  }
}

/** Those that need a coincidence to do harm come more often. */
const KINDS: readonly FaultKind[] = [
  ...FAULTS,
  ...(['reply-lost', 'reply-lost', 'misdirected-write'] as const),
]
const PLACES = ['log', 'store-a', 'store-b', 'stage', 'owner', ''] as const

/** Up to three faults of a boot. `effects`: how many effects it may have. */
export function planFaults(dice: Dice, effects: number): Fault[] {
  return Array.from({ length: dice.below(4) }, () => {
    const kind = dice.pick(KINDS)
    const on = dice.pick(PLACES)
    const rare = on === '' ? 300 : 40
    switch (kind) {
      case 'short-write':
      case 'sync-eio':
      case 'read-eio':
        return { kind, at: dice.below(rare), size: dice.next(), ...(on === '' ? {} : { on }) }
      case 'no-space':
        return { kind, at: dice.below(effects), size: dice.below(40) }
      case 'misdirected-write':
        return { kind, at: dice.below(40), size: 0 }
      case 'slow-disk':
        return { kind, at: dice.below(effects), size: 1 + dice.below(5000) }
      case 'executor-death':
      case 'executor-hang':
      case 'late-reply':
        return { kind, at: dice.below(120), size: 500 + dice.below(9000) }
      case 'reply-lost':
        return { kind, at: dice.below(8), size: dice.below(3000) }
      case 'connection-reset':
        return { kind, at: dice.below(40), size: 0 }
      case 'clock-forward':
      case 'clock-back':
        return { kind, at: dice.below(effects), size: 1 + dice.below(120_000) }
    }
  })
}
