/**
 * What is remembered of a run: which kills fired, how often the daemon began again, how long
 * until it committed.
 */
import type { Event } from './events.ts'
import { type Kind, KINDS, type LifePlan, zeros } from './plan.ts'

export class RunRecord {
  readonly #plans: readonly LifePlan[]
  readonly fired: Record<Kind, number> = zeros()
  /** By kind: what a kill hit, and how often. */
  readonly labels = new Map<Kind, Map<string, number>>(KINDS.map((kind) => [kind, new Map()]))
  /** From each kill to the first commit after it, where no other kill came between; in ms. */
  readonly recoveries: number[] = []
  /** Lives that had to be ended from outside, because their plan found no occasion. */
  unfired = 0
  starts = 0
  #killedAt: number | undefined

  constructor(plans: readonly LifePlan[]) {
    this.#plans = plans
  }

  take(event: Event): void {
    switch (event.kind) {
      case 'start':
        this.starts += 1
        return
      case 'fired': {
        const kind = this.#plans[event.life - 1]?.driver?.kind
        if (kind !== undefined) this.#count(kind, `${event.phase}: ${event.label}`)
        this.killed(event.at)
        return
      }
      case 'healed':
        this.#count('executor', 'at a random time')
        return
      case 'commit':
        if (this.#killedAt !== undefined) this.recoveries.push(event.at - this.#killedAt)
        this.#killedAt = undefined
        return
      case 'live':
      case 'spawn':
        return
    }
  }

  killed(at: number): void {
    this.#killedAt = at
  }

  #count(kind: Kind, label: string): void {
    this.fired[kind] += 1
    const of = this.labels.get(kind)
    of?.set(label, (of.get(label) ?? 0) + 1)
  }
}
