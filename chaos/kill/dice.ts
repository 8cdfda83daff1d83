/**
 * Chance from a seed: the same numbers on every machine and in every process (mulberry32). Pure.
 */

export interface Dice {
  /** 0 ≤ n < 1 */
  next(): number
  /** A whole number, 0 ≤ n < `limit`. */
  below(limit: number): number
  pick<T>(list: readonly T[]): T
  /** A new list in another order. */
  shuffled<T>(list: readonly T[]): T[]
}

export function diceOf(seed: number): Dice {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    pick(list) {
      const [chosen] = list.slice(below(list.length))
      if (chosen === undefined) throw new RangeError('nothing to pick from')
      return chosen
    },
    shuffled(list) {
      return list
        .map((item) => ({ item, at: next() }))
        .sort((a, b) => a.at - b.at)
        .map(({ item }) => item)
    },
  }
}
