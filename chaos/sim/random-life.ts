/**
 * A life out of one seed: which program, how often and where it is cut short, by what, which faults
 * its boots meet, what of the disk survives. The same seed is the same life, to the last effect.
 */
import { type Dice, diceOf } from '../kill/dice.ts'
import type { Damage } from './damage.ts'
import { count, planFaults, type Fired } from './faults.ts'
import {
  batchesIn,
  type CrashKind,
  endOfBoot,
  type Ground,
  lastBoot,
  type LifeSize,
  newGround,
  step,
} from './life.ts'
import { pointOf } from './phase.ts'
import { type Program, type ProgramName, programOf, PROGRAMS } from './programs.ts'
import { rot, type StoreSide } from './rot.ts'
import { Trace } from './trace.ts'
import type { SlowPlace } from './world.ts'

export interface LifeResult {
  readonly seed: number
  readonly program: ProgramName
  readonly violations: readonly string[]
  readonly boots: number
  readonly crashes: number
  readonly batches: number
  readonly records: number
  readonly trace: Trace
}

export interface LifeOptions {
  readonly seed: number
  readonly program?: ProgramName | undefined
  readonly fired: Fired
  /** Crash points that were met. */
  readonly points: Map<string, number>
  readonly onLine?: (line: string) => void
}

/** Producers × POSTs × records: at least 1000 records, one POST a batch or so of each. */
const sizeOf = (program: Program): LifeSize => ({
  posts: 32,
  records: 16 / program.ports.length,
  paceMs: 1000,
})

/** Effects of a start, and of a life without crashes; by the way, not by need. */
const START_EFFECTS = 220
const LIFE_EFFECTS = 1700
const SLOW_SHARE = 0.3
const AHEAD: ReadonlyMap<string, StoreSide> = new Map([
  ['store-a', 'b'],
  ['store-b', 'a'],
])
const SLOW_PLACES: readonly SlowPlace[] = [
  { on: 'store-a', ms: 250 },
  { on: 'store-b', ms: 250 },
  { on: 'log', ms: 60 },
  { on: 'stage', ms: 60 },
  { on: 'output', ms: 60 },
]
const SEEDS = 0x9e3779b1

export async function randomLife(options: LifeOptions): Promise<LifeResult> {
  const dice = diceOf(Math.imul(options.seed + 1, SEEDS))
  const chosen = dice.pick(PROGRAMS)
  const program = programOf[options.program ?? chosen]
  const trace = new Trace(options.onLine)
  const life = new Life(options, program, dice, trace)
  const violations = await life.run()
  const { ground } = life
  return {
    seed: options.seed,
    program: program.name,
    violations,
    boots: life.boots,
    crashes: life.crashes,
    batches: batchesIn(ground.disk),
    records: ground.producers.reduce((sum, { posts }) => sum + posts.flat().length, 0),
    trace,
  }
}

class Life {
  readonly ground: Ground
  boots = 0
  crashes = 0
  readonly #options: LifeOptions
  readonly #program: Program
  readonly #size: LifeSize
  readonly #dice: Dice
  readonly #trace: Trace
  /** What has rotted and was not yet met by a whole start: one thing at a time. */
  #damage: Damage | undefined
  /** The store that did not lie on a slow disk, when the other did. */
  #ahead: StoreSide | undefined

  constructor(options: LifeOptions, program: Program, dice: Dice, trace: Trace) {
    this.#options = options
    this.#program = program
    this.#size = sizeOf(program)
    this.#dice = dice
    this.#trace = trace
    this.ground = newGround(program, this.#size)
  }

  async run(): Promise<readonly string[]> {
    const dice = this.#dice
    for (let left = 1 + dice.below(5); left > 0; left--) {
      const violations = await this.#cutShort()
      if (violations.length > 0) return violations
    }
    this.boots += 1
    if (this.#damage?.isMended === false) this.#putBack()
    this.#trace.add('-- last boot')
    return await lastBoot(this.ground, this.#common())
  }

  #common(): Omit<Parameters<typeof step>[1], 'faults'> {
    return {
      program: this.#program,
      size: this.#size,
      trace: this.#trace,
      fired: this.#options.fired,
      dice: diceOf(this.#dice.below(2 ** 31)),
    }
  }

  #rot(): Damage | undefined {
    this.#damage = this.boots > 0 ? rot(this.ground.disk, this.#dice, this.#ahead) : undefined
    if (this.#damage !== undefined) count(this.#options.fired, this.#damage.what)
    return this.#damage
  }

  /** A kind of files that lies on a slow disk, this time. */
  #slow(): SlowPlace | undefined {
    const dice = this.#dice
    if (dice.next() >= SLOW_SHARE) return undefined
    return dice.pick(SLOW_PLACES)
  }

  /** What a misdirected write overwrote stays so, for the next start to refuse. */
  #meet(stray: Damage | undefined): void {
    if (this.#damage === undefined) this.#damage = stray
    else stray?.putBack()
  }

  /** Somebody restores what the engine refused to open. */
  #putBack(): void {
    if (this.#damage === undefined) return
    this.#damage.putBack()
    count(this.#options.fired, `${this.#damage.what}, refused or put back`)
    this.#damage = undefined
  }

  /** One boot with a crash or faults; then what a crash leaves, and what rots meanwhile. */
  async #cutShort(): Promise<readonly string[]> {
    const dice = this.#dice
    const { fired, points } = this.#options
    const early = this.boots > 0 && dice.next() < 0.6
    const lastEffect = 1 + dice.below(early ? START_EFFECTS : LIFE_EFFECTS)
    const faults = dice.next() < 0.5 ? [] : planFaults(dice, lastEffect)
    // Pages that a failed sync took for clean are read by the next boot, and lost after that.
    const cached = faults.some((fault) => fault.kind === 'sync-eio')
    const kind: CrashKind = dice.next() < (cached ? 0.2 : 0.7) ? 'power' : 'kill'
    const damage = this.#damage ?? this.#rot()
    const slow = this.#slow()
    this.#ahead = slow && AHEAD.get(slow.on)
    this.boots += 1
    const plan = faults.map((fault) => `${fault.kind} ${fault.on ?? ''} ${String(fault.at)}`)
    const about = [
      `last effect ${String(lastEffect)}`,
      kind,
      ...plan,
      damage?.what ?? '',
      slow?.on ?? '',
    ]
    this.#trace.add(`-- boot ${String(this.boots)}: ${about.join(', ')}`)
    const { result, violations } = await step(this.ground, {
      ...this.#common(),
      faults,
      ...(slow === undefined ? {} : { slow }),
      lastEffect,
      onEffect: (label, phase, n) => {
        if (n !== lastEffect) return
        const point = pointOf(label, phase, Math.min(this.boots - 1, 3))
        points.set(point, (points.get(point) ?? 0) + 1)
      },
    })
    if (result.started) this.#damage = undefined
    this.#meet(result.stray)
    this.#trace.add(`-- ${result.kind} after ${String(result.effects)} effects`)
    if (result.kind === 'crashed') this.crashes += 1
    count(fired, `boot ${result.kind}`)
    const blameless = result.kind === 'crashed' || result.kind === 'stopped'
    const told = [...violations]
    if (!blameless && faults.length === 0 && damage === undefined) {
      told.push(`${result.kind} without a fault: ${result.error ?? ''}`)
    }
    if (damage !== undefined && !blameless) {
      const mayRefuse = damage.mayRefuse(result.error ?? '')
      if (mayRefuse) this.#putBack()
      else if (faults.length === 0) told.push(`${damage.what}: ${result.error ?? ''}`)
    }
    this.ground.disk.capacity = undefined
    endOfBoot(this.ground, kind, dice)
    return told
  }
}
