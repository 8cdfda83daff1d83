/**
 * Who dies when: a pure function of seed, number of cycles and life. A cycle is one kill. Every
 * driver's kill ends a life of the daemon; kills of executors only come first in the life they
 * are dealt to, which goes on.
 */
import { type Dice, diceOf } from './dice.ts'

/** Of 200 cycles: how many are dealt, and how many must have fired. Other numbers in proportion. */
const DECK = {
  /** The driver, from the durable allocation of a batch to its first store's write. */
  running: { dealt: 46, share: 40 },
  /** The driver, from a commit in one store to the last rename of the batch's outputs. */
  publication: { dealt: 46, share: 40 },
  /** The driver, from its start to its first own batch. */
  recovery: { dealt: 46, share: 40 },
  /** One executor or all of them, at a random time; the driver lives on and commits. */
  executor: { dealt: 24, share: 20 },
  /** The driver, at the write of received records. */
  receive: { dealt: 14, share: 10 },
  /** The driver, from the last rename to the durable receipt. */
  cleanup: { dealt: 8, share: 5 },
  /** The supervisor's child, at a random time of its start-up. */
  start: { dealt: 8, share: 5 },
  /** The driver with all its executors, while a batch runs or is published. */
  both: { dealt: 8, share: 5 },
} as const

const DECK_SIZE = 200

export type Kind = keyof typeof DECK
export const KINDS = Object.keys(DECK).filter((name): name is Kind => name in DECK)

/** How far the daemon is; what moves it on is in `reaper.ts`. */
export type Phase = 'recovery' | 'idle' | 'running' | 'publication' | 'published'

/**
 * The driver dies at the `nth` effect `label` of a round (one batch) in `phase`, from the given
 * round on.
 */
export interface DriverPlan {
  readonly kind: Exclude<Kind, 'executor'>
  /** `any`: every phase but recovery. */
  readonly phase: Phase | 'any'
  /**
   * An effect as `labels.ts` names it, `any` of them, or `timer`: `delayMs` after the phase
   * began.
   */
  readonly label: string
  readonly when: 'before' | 'halfway' | 'after'
  readonly nth: number
  readonly round: number
  readonly delayMs: number
  readonly executorsToo: boolean
}

export interface ExecutorPlan {
  /** After the daemon has been found live. */
  readonly delayMs: number
  readonly victims: 'one' | 'all'
}

/** Which store is written first; `together` is what the daemon does by itself. */
export type StoreOrder = 'ab' | 'ba' | 'together'

export interface LifePlan {
  readonly executors: readonly ExecutorPlan[]
  /** Undefined in the last life, which is left alone. */
  readonly driver: DriverPlan | undefined
  readonly stores: StoreOrder
}

/** How many kills of a kind must have fired. */
export const shareOf = (kind: Kind, cycles: number): number =>
  Math.floor((DECK[kind].share * cycles) / DECK_SIZE)

/**
 * How many cycles of each kind there are: in proportion, what is left over goes to the largest
 * remainders.
 */
export function deal(cycles: number): Record<Kind, number> {
  const parts = KINDS.map((kind) => ({ kind, exact: (DECK[kind].dealt * cycles) / DECK_SIZE }))
  const whole = parts.reduce((sum, { exact }) => sum + Math.floor(exact), 0)
  const favoured = new Set(
    [...parts]
      .sort((a, b) => (b.exact % 1) - (a.exact % 1))
      .slice(0, cycles - whole)
      .map(({ kind }) => kind),
  )
  const dealt = parts.map(
    ({ kind, exact }) => [kind, Math.floor(exact) + (favoured.has(kind) ? 1 : 0)] as const,
  )
  return { ...zeros(), ...Object.fromEntries(dealt) }
}

export const zeros = (): Record<Kind, number> => ({
  ...{ running: 0, publication: 0, recovery: 0, executor: 0 },
  ...{ receive: 0, cleanup: 0, start: 0, both: 0 },
})

/** The plan of each life, the first one first; the last has no driver's kill. */
export function lifePlans(seed: number, cycles: number): readonly LifePlan[] {
  const dice = diceOf(seed)
  const dealt = deal(cycles)
  const deck = dice.shuffled(KINDS.flatMap((kind) => Array<Kind>(dealt[kind]).fill(kind)))
  const lives: LifePlan[] = []
  let executors: ExecutorPlan[] = []
  const next = (driver: DriverPlan | undefined): void => {
    lives.push({ executors, driver, stores: dice.pick(['ab', 'ba', 'together']) })
    executors = []
  }
  for (const kind of deck) {
    if (kind === 'executor') {
      executors.push({ delayMs: dice.below(400), victims: dice.pick(['one', 'one', 'all']) })
    } else if (kind === 'recovery' || kind === 'start') {
      // It never gets as far as its executors' kill, which the next life takes over.
      const kept = executors
      executors = []
      next(driverPlan(kind, dice))
      executors = kept
    } else {
      next(driverPlan(kind, dice))
    }
  }
  next(undefined)
  return lives
}

type Choice = Pick<DriverPlan, 'label' | 'when'> & {
  /** The nth is drawn from `from` to `to`. */
  readonly from?: number
  readonly to?: number
}

const RUNNING: readonly Choice[] = [
  { label: 'log.allocation', when: 'halfway' },
  { label: 'log.allocation', when: 'after' },
  { label: 'executor.send', when: 'before', to: 2 },
  { label: 'executor.send', when: 'after', to: 2 },
  { label: 'executor.message', when: 'before', to: 4 },
  { label: 'executor.message', when: 'after', to: 4 },
  { label: 'store.batch', when: 'before' },
  { label: 'timer', when: 'after' },
  { label: 'timer', when: 'after' },
]
const PUBLICATION: readonly Choice[] = [
  { label: 'store.batch', when: 'after', to: 2 },
  { label: 'store.batch', when: 'before', from: 2, to: 2 },
  // One store is ahead: the next start has to mend the other.
  { label: 'store.batch', when: 'after' },
  { label: 'store.batch', when: 'before', from: 2, to: 2 },
  { label: 'store.batch', when: 'after' },
  { label: 'executor.send', when: 'after', from: 3, to: 4 },
  { label: 'output.create', when: 'before', to: 2 },
  { label: 'output.create', when: 'after', to: 2 },
  { label: 'output.sync', when: 'after', to: 2 },
  { label: 'output.sync-directory', when: 'after', to: 3 },
  { label: 'output.rename', when: 'before', to: 2 },
  { label: 'output.rename', when: 'after' },
  { label: 'output.rename', when: 'before', from: 2, to: 2 },
]
const RECOVERY: readonly Choice[] = [
  { label: 'any', when: 'before', to: 46 },
  { label: 'any', when: 'after', to: 46 },
  { label: 'any', when: 'before', from: 20, to: 46 },
  { label: 'any', when: 'after', from: 20, to: 46 },
  { label: 'store.open', when: 'after', to: 3 },
  { label: 'checkpoint.rename', when: 'after', to: 2 },
  { label: 'store.batch', when: 'before', to: 3 },
  { label: 'store.batch', when: 'after', to: 3 },
  { label: 'output.rename', when: 'before', to: 2 },
  { label: 'output.rename', when: 'after', to: 2 },
  { label: 'executor.spawn', when: 'after', to: 2 },
  { label: 'executor.send', when: 'after', to: 12 },
  { label: 'executor.message', when: 'after', to: 12 },
  { label: 'log.snapshot', when: 'halfway' },
  { label: 'log.cleanup', when: 'halfway' },
  { label: 'log.cleanup', when: 'after' },
]
const RECEIVE: readonly Choice[] = [
  { label: 'log.addition', when: 'before', to: 20 },
  { label: 'log.addition', when: 'halfway', to: 20 },
  { label: 'log.addition', when: 'after', to: 20 },
]
const CLEANUP: readonly Choice[] = [
  { label: 'log.cleanup', when: 'before' },
  { label: 'log.cleanup', when: 'halfway' },
]
const START: readonly Choice[] = [{ label: 'timer', when: 'after' }]

const ROUNDS_MAX = 4
const RUNNING_DELAY_MS = 25
const START_DELAY_MS = 400

function driverPlan(kind: DriverPlan['kind'], dice: Dice): DriverPlan {
  const executorsToo = kind === 'both'
  const of = kind === 'both' ? dice.pick(['running', 'publication'] as const) : kind
  const { choices, phase } = TABLE[of]
  const { label, when, from = 1, to = 1 } = dice.pick(choices)
  const nth = from + dice.below(to - from + 1)
  const round = phase === 'recovery' ? 0 : 1 + dice.below(ROUNDS_MAX)
  const delayMs = dice.below(kind === 'start' ? START_DELAY_MS : RUNNING_DELAY_MS)
  return { kind, phase, label, when, nth, round, delayMs, executorsToo }
}

const TABLE: Readonly<
  Record<
    Exclude<Kind, 'executor' | 'both'>,
    { readonly phase: DriverPlan['phase']; readonly choices: readonly Choice[] }
  >
> = {
  running: { phase: 'running', choices: RUNNING },
  publication: { phase: 'publication', choices: PUBLICATION },
  recovery: { phase: 'recovery', choices: RECOVERY },
  receive: { phase: 'any', choices: RECEIVE },
  cleanup: { phase: 'published', choices: CLEANUP },
  start: { phase: 'recovery', choices: START },
}
