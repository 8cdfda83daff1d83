/**
 * The life that is under way, as the runner sees it: its processes, and whom to kill from outside
 * and when.
 */
import { kill } from './daemon.ts'
import type { Dice } from './dice.ts'
import type { Event } from './events.ts'
import type { LifePlan } from './plan.ts'

/** A life whose plan finds no occasion for so long is ended from outside. */
const PATIENCE_MS = 30_000

export class Life {
  readonly number: number
  readonly pid: number
  readonly #plan: LifePlan | undefined
  readonly #dice: Dice
  /** Its children that have not been killed from here. */
  readonly #children: number[] = []
  #isLive = false
  #hasCommitted = false
  #isKilled = false
  #healed = 0
  #strikes = 0
  #strikeAt = Infinity
  #impatientAt: number

  constructor(start: Event & { kind: 'start' }, plan: LifePlan | undefined, dice: Dice) {
    this.number = start.life
    this.pid = start.pid
    this.#plan = plan
    this.#dice = dice
    this.#impatientAt = Date.now() + PATIENCE_MS
  }

  take(event: Event): void {
    if (event.kind === 'spawn') this.#children.push(event.pid)
    if (event.kind === 'live') this.#isLive = true
    if (event.kind === 'commit') this.#hasCommitted = true
    if (event.kind === 'fired') this.#isKilled = true
    if (event.kind === 'healed') this.#healed += 1
    if (event.kind !== 'healed' && event.kind !== 'commit') return
    const next = this.#plan?.executors[this.#strikes]
    if (next !== undefined) this.#strikeAt = Date.now() + next.delayMs
    this.#impatientAt = Date.now() + PATIENCE_MS
  }

  /** It was ended by its plan. Any other end is the daemon's own. */
  get isKilled(): boolean {
    return this.#isKilled
  }

  /** It has got through all that was planned for it before the driver's own end, and serves. */
  get isThrough(): boolean {
    return this.#hasCommitted && this.#healed >= (this.#plan?.executors.length ?? 0)
  }

  /** Kills executors when it is time. */
  strike(): void {
    if (Date.now() < this.#strikeAt) return
    this.#strikeAt = Infinity
    const plan = this.#plan?.executors[this.#strikes]
    if (plan === undefined) return
    this.#strikes += 1
    const chosen = plan.victims === 'all' ? [...this.#children] : [this.#dice.pick(this.#children)]
    for (const pid of chosen) {
      this.#children.splice(this.#children.indexOf(pid), 1)
      kill(pid)
    }
  }

  /** Whether its plan cannot fire any more, or has had time enough. */
  get isOverdue(): boolean {
    const kind = this.#plan?.driver?.kind
    if (kind === undefined) return false
    const isTooLate = this.#isLive && (kind === 'recovery' || kind === 'start')
    return isTooLate || Date.now() > this.#impatientAt
  }
}
