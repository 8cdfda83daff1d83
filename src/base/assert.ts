/**
 * Broken invariants. An assert that fails is a programmer's error: the process must end, because
 * recovery is the best tested code in the house. Asserts stay on in production.
 */

export class AssertionFailure extends Error {
  override readonly name = 'AssertionFailure'
}

export function assert(condition: boolean, what: string): asserts condition {
  if (!condition) throw new AssertionFailure(`invariant broken: ${what}`)
}

/** For the `default` of a `switch` over a union: the compiler proves it is never reached. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`unreachable: ${String(value)}`)
}

/** The value, which the caller knows to be there. */
export function present<T>(value: T | undefined | null, what: string): T {
  if (value === undefined || value === null) throw new AssertionFailure(`missing: ${what}`)
  return value
}
