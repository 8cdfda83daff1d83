/**
 * Which store wins, and what becomes of the other. Pure: one table of what was found in each,
 * nothing else.
 */
import { equalBytes } from '../src/base/bytes.ts'
import { MillraceError, type ErrorCode } from '../src/base/errors.ts'
import type { Root } from './root.ts'
import type { Contribution } from './set-digest.ts'
import type { StoreName } from './store-directory.ts'

export type Found =
  /** There is no directory, or nothing in it. */
  | { readonly kind: 'missing'; readonly name: StoreName }
  /** A store without a single entry. */
  | { readonly kind: 'empty'; readonly name: StoreName }
  | { readonly kind: 'damaged'; readonly name: StoreName; readonly why: readonly string[] }
  /** The store of another data directory. */
  | { readonly kind: 'foreign'; readonly name: StoreName; readonly why: readonly string[] }
  | GoodStore

/** Entries and roots verified. */
export interface GoodStore {
  readonly kind: 'ok'
  readonly name: StoreName
  readonly newest: Root
  readonly older: Root | undefined
  readonly live: ReadonlyMap<string, Contribution>
}

export type Verdict =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'refused'; readonly error: MillraceError }
  | {
      readonly kind: 'winner'
      readonly winner: GoodStore
      readonly loser: Loser
    }

export type Loser =
  | { readonly state: 'ok'; readonly why: readonly string[] }
  /** By the one commit that a crash may leave out. */
  | { readonly state: 'behind'; readonly why: readonly string[]; readonly store: GoodStore }
  | { readonly state: 'damaged' | 'missing'; readonly why: readonly string[] }

/** `create`: nothing at all in both is a first start. */
export function decide(a: Found, b: Found, create: boolean): Verdict {
  if (a.kind === 'ok') {
    return b.kind === 'ok' ? compare(a, b) : { kind: 'winner', winner: a, loser: lost(b, create) }
  }
  if (b.kind === 'ok') return { kind: 'winner', winner: b, loser: lost(a, create) }
  if (create && isNothing(a) && isNothing(b)) return { kind: 'fresh' }
  const foreign = a.kind === 'foreign' || b.kind === 'foreign'
  return refused(
    `no store can be used: ${describe(a)}; ${describe(b)}`,
    foreign ? 'MR_DIRECTORY_FOREIGN' : 'MR_CHECKPOINT_DAMAGED',
  )
}

const isNothing = (found: Found): boolean => found.kind === 'missing' || found.kind === 'empty'

/**
 * A crash leaves a store at most so many commits behind: each is synced in both before the next
 * begins.
 */
const BEHIND_MAX = 1

/**
 * Why a store that verifies at `older` is damaged beside one that verifies at `newer`, if it is.
 */
export function tooFarBehind(newer: Root, older: Root): string | undefined {
  const behind = newer.number - older.number
  if (behind <= BEHIND_MAX) return undefined
  return (
    `it holds commit ${String(older.number)}, ${String(behind)} behind: ` +
    `a crash leaves a store at most ${String(BEHIND_MAX)} behind`
  )
}

function compare(a: GoodStore, b: GoodStore): Verdict {
  const [winner, loser] = a.newest.number >= b.newest.number ? [a, b] : [b, a]
  const behind = winner.newest.number - loser.newest.number
  const same = [winner.newest, winner.older].find((root) => root?.number === loser.newest.number)
  if (same !== undefined && !equalBytes(same.digest, loser.newest.digest)) {
    return refused(`the stores hold different commits ${String(same.number)}`)
  }
  if (behind === 0) return { kind: 'winner', winner, loser: { state: 'ok', why: [] } }
  const far = tooFarBehind(winner.newest, loser.newest)
  if (far !== undefined) return { kind: 'winner', winner, loser: { state: 'damaged', why: [far] } }
  const why = [`it holds commit ${String(loser.newest.number)}, one behind, as a crash leaves it`]
  return { kind: 'winner', winner, loser: { state: 'behind', why, store: loser } }
}

function lost(found: Exclude<Found, GoodStore>, create: boolean): Loser {
  switch (found.kind) {
    case 'missing':
      return { state: 'missing', why: ['there is no store'] }
    case 'empty':
      // A first start that was cut short between the two stores leaves one of them empty.
      return create
        ? { state: 'missing', why: ['it is empty'] }
        : { state: 'damaged', why: ['it is empty'] }
    case 'damaged':
    case 'foreign':
      return { state: 'damaged', why: found.why }
  }
}

const refused = (text: string, code: ErrorCode = 'MR_CHECKPOINT_DAMAGED'): Verdict => ({
  kind: 'refused',
  error: new MillraceError(code, text),
})

function describe(found: Exclude<Found, GoodStore>): string {
  const why = 'why' in found ? ` (${found.why.join('; ')})` : ''
  return `${found.name} is ${found.kind}${why}`
}
