/**
 * Holds what was read against what was sent: every number once in each output, and its state as
 * its output says. Pure.
 */

export interface Evidence {
  /** Numbers from 1 to this one were sent, and all of them acknowledged. */
  readonly sent: number
  readonly numbers: ReadonlyMap<number, number>
  readonly luck: ReadonlyMap<number, readonly string[]>
  /** Undefined where the state could not be asked. */
  readonly states: ReadonlyMap<number, string | undefined> | undefined
}

export interface Verdict {
  /** Numbers that are missing in an output or in the state. */
  readonly lost: readonly number[]
  /** Numbers that stand twice in an output, or were counted twice. */
  readonly doubled: readonly number[]
  /** Numbers whose state is not the one that was published. */
  readonly torn: readonly number[]
  /** Numbers nobody sent. */
  readonly invented: readonly number[]
}

export function judge({ sent, numbers, luck, states }: Evidence): Verdict {
  const verdict = { lost: [] as number[], doubled: [] as number[], torn: [] as number[] }
  for (let number = 1; number <= sent; number++) {
    const draws = luck.get(number) ?? []
    const once = numbers.get(number) ?? 0
    const state = states === undefined ? draws[0] : states.get(number)
    if (once === 0 || draws.length === 0 || state === undefined) verdict.lost.push(number)
    const counts = [...draws, state ?? '1'].map((text) => Number(text.split(' ')[0]))
    if (once > 1 || draws.length > 1 || counts.some((count) => count !== 1)) {
      verdict.doubled.push(number)
    }
    if (state !== undefined && draws.length === 1 && draws[0] !== state) verdict.torn.push(number)
  }
  const invented = new Set([...numbers.keys(), ...luck.keys()])
  for (const number of invented) if (number >= 1 && number <= sent) invented.delete(number)
  return { ...verdict, invented: [...invented] }
}

export const isClean = ({ lost, doubled, torn, invented }: Verdict): boolean =>
  lost.length + doubled.length + torn.length + invented.length === 0
