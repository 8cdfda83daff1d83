/**
 * Decides at which effect a life ends. It sees every labelled effect of the host and nothing
 * else, and knows by them how far the daemon is:
 *
 *   recovery ─ log.allocation ─► running ─ first store.batch done ─► publication
 *                                   ▲                                     │
 *                             log.allocation                 last output.rename done
 *                                   │                                     ▼
 *                                 idle ◄──── log.cleanup done ─────── published
 *
 * A round is one batch of the life's own. When a plan finds no such effect two rounds long, the
 * last effect of its phase will do: so nearly every plan fires.
 */
import type { DriverPlan, LifePlan, Phase } from './plan.ts'

export interface ReaperOptions {
  readonly plan: LifePlan
  /** Outputs of the program that are published by a rename. */
  readonly outputs: number
  /** Ends the process; does not return. */
  readonly fire: (phase: Phase, label: string) => never
  readonly after: (ms: number, f: () => void) => void
  readonly tell: (news: 'commit' | 'healed' | { readonly live: number }) => void
}

type When = DriverPlan['when']

const PATIENCE_ROUNDS = 2

export class Reaper {
  readonly #options: ReaperOptions
  readonly #plan: DriverPlan | undefined
  #phase: Phase = 'recovery'
  #round = 0
  /** So many effects of a label in this round, or in recovery. */
  readonly #counts = new Map<string, number>()
  #commits = 0
  #replaced = false
  #awaited: number

  constructor(options: ReaperOptions) {
    this.#options = options
    this.#plan = options.plan.driver
    this.#awaited = options.plan.executors.length
    const plan = this.#plan
    if (plan?.label === 'timer' && plan.phase === 'recovery') this.#setTimer(plan)
  }

  /** An effect that takes time. `half` does the first half of it, where it has one. */
  async around<T>(
    labels: readonly string[],
    work: () => Promise<T>,
    half?: () => Promise<unknown>,
  ): Promise<T> {
    const nth = this.#begin(labels)
    if (half !== undefined && this.#matches(labels, 'halfway', nth)) {
      await half()
      this.#fire(labels, 'halfway')
    }
    const result = await work()
    this.#end(labels, nth)
    return result
  }

  /** An effect that is done at once. */
  instant<T>(label: string, work: () => T): T {
    const nth = this.#begin([label])
    const result = work()
    if (label === 'executor.spawn' && this.#phase !== 'recovery') this.#replaced = true
    this.#end([label], nth)
    return result
  }

  /** How many there have been of each label, this one included. */
  #begin(labels: readonly string[]): ReadonlyMap<string, number> {
    if (labels.includes('log.allocation')) this.#beginRound(labels)
    const nth = new Map<string, number>()
    for (const label of [...labels, 'any']) {
      const n = (this.#counts.get(label) ?? 0) + 1
      this.#counts.set(label, n)
      nth.set(label, n)
    }
    if (this.#matches(labels, 'before', nth) || this.#isLastChance(labels, nth)) {
      this.#fire(labels, 'before')
    }
    return nth
  }

  #beginRound(labels: readonly string[]): void {
    if (this.#phase === 'recovery') {
      if (this.#plan?.kind === 'recovery' && this.#isArmed) this.#fire(labels, 'before')
      this.#options.tell({ live: this.#counts.get('any') ?? 0 })
    }
    this.#phase = 'running'
    if (this.#isArmed) this.#round += 1
    this.#counts.clear()
  }

  #end(labels: readonly string[], nth: ReadonlyMap<string, number>): void {
    this.#moveOn(labels, nth)
    if (this.#matches(labels, 'after', nth)) this.#fire(labels, 'after')
  }

  #moveOn(labels: readonly string[], nth: ReadonlyMap<string, number>): void {
    if (this.#phase === 'recovery') return
    const plan = this.#plan
    if (labels.includes('log.allocation') && plan?.label === 'timer') this.#setTimer(plan)
    if (labels.includes('store.batch')) {
      if (this.#phase === 'running') this.#phase = 'publication'
      if (nth.get('store.batch') === 2) this.#committed()
    } else if (labels.includes('output.rename') && this.#phase === 'publication') {
      if (nth.get('output.rename') === this.#options.outputs) this.#phase = 'published'
    } else if (labels.includes('log.cleanup') && this.#phase === 'published') {
      this.#phase = 'idle'
    }
  }

  #committed(): void {
    this.#commits += 1
    if (this.#commits === 1) this.#options.tell('commit')
    if (!this.#replaced) return
    this.#replaced = false
    this.#awaited -= 1
    this.#options.tell('healed')
  }

  /** The driver's turn comes when the executors have had theirs. */
  get #isArmed(): boolean {
    return this.#awaited <= 0
  }

  #setTimer(plan: DriverPlan): void {
    const round = this.#round
    if (round < plan.round) return
    this.#options.after(plan.delayMs, () => {
      const isNow = this.#phase === plan.phase && this.#round === round && this.#isArmed
      if (isNow) this.#fire(['timer'], 'after')
    })
  }

  #matches(labels: readonly string[], when: When, nth: ReadonlyMap<string, number>): boolean {
    const plan = this.#plan
    if (plan === undefined || !this.#isArmed || plan.when !== when) return false
    const inPhase = plan.phase === 'any' ? this.#phase !== 'recovery' : this.#phase === plan.phase
    if (!inPhase || this.#round < plan.round) return false
    return (plan.label === 'any' || labels.includes(plan.label)) && nth.get(plan.label) === plan.nth
  }

  #isLastChance(labels: readonly string[], nth: ReadonlyMap<string, number>): boolean {
    const plan = this.#plan
    if (plan === undefined || !this.#isArmed || this.#phase !== plan.phase) return false
    if (this.#round < plan.round + PATIENCE_ROUNDS) return false
    switch (plan.phase) {
      case 'running':
        return labels.includes('store.batch')
      case 'publication':
        return (
          labels.includes('output.rename') && nth.get('output.rename') === this.#options.outputs
        )
      case 'published':
        return labels.includes('log.cleanup')
      default:
        return false
    }
  }

  #fire(labels: readonly string[], when: When): never {
    return this.#options.fire(this.#phase, `${when} ${labels.join('+')}`)
  }
}
