/**
 * Every effect the last one: first of a short run of a program, from its first start to its end;
 * then, from what each kind of such crash left, every effect of the recovery; then, by samples, of
 * the recovery after that. Each time one more boot has to bring everything right.
 */
import { type Dice, diceOf } from '../kill/dice.ts'
import type { Fired } from './faults.ts'
import {
  type CrashKind,
  endOfBoot,
  forkGround,
  type Ground,
  lastBoot,
  type LifeSize,
  newGround,
  step,
} from './life.ts'
import { pointOf } from './phase.ts'
import type { Program } from './programs.ts'
import { Trace } from './trace.ts'

export interface EnumerateOptions {
  readonly program: Program
  readonly seed: number
  /** Crashes in a row: 1, 2 or 3. */
  readonly depth: number
  /** Share of the points that are tried: 1 is all of them. */
  readonly share: number
  /** Share of the effects that are tried although one of the same name was: 1 is all of them. */
  readonly repeats: number
  /** Share of the effects of each recovery that are tried. */
  readonly second: number
  /** Triples that are tried. */
  readonly triples: number
  readonly onViolation: (violation: Violation) => void
}

export interface Violation {
  readonly program: string
  /** The effects that were the last ones, and what kind of end each was. */
  readonly path: string
  readonly what: readonly string[]
  readonly tail: readonly string[]
}

export interface Enumerated {
  /** Effects of a run without crashes. */
  readonly effects: number
  /** Runs with one, two and three crashes. */
  readonly runs: readonly [number, number, number]
  readonly points: ReadonlySet<string>
  readonly fired: Fired
}

const SIZE: LifeSize = { posts: 3, records: 4, paceMs: 700 }
const TAIL_LINES = 40
const KINDS: readonly CrashKind[] = ['power', 'kill']

interface Point {
  readonly n: number
  readonly name: string
}

export async function enumerate(options: EnumerateOptions): Promise<Enumerated> {
  return await new Enumeration(options).run()
}

class Enumeration {
  readonly #options: EnumerateOptions
  readonly #points = new Set<string>()
  readonly #fired: Fired = new Map()
  readonly #runs: [number, number, number] = [0, 0, 0]
  readonly #dice: Dice

  constructor(options: EnumerateOptions) {
    this.#options = options
    this.#dice = diceOf(options.seed)
  }

  async run(): Promise<Enumerated> {
    const { depth, program, repeats, share } = this.#options
    const start = newGround(program, SIZE)
    const all = await this.#list(start, 'first', 0)
    const seen = new Set<string>()
    for (const point of all) {
      const isNew = !seen.has(point.name)
      seen.add(point.name)
      if (this.#dice.next() >= (isNew ? share : repeats)) continue
      const crashed = await this.#crash(start, point, 0)
      for (const kind of KINDS) {
        const ground = forkGround(crashed)
        this.#end(ground, kind, point)
        await this.#judge(ground, `${String(point.n)} ${kind}`, 0)
        if (isNew && depth > 1) await this.#recoveries(ground, `${String(point.n)} ${kind}`)
      }
    }
    return {
      effects: all.length,
      runs: this.#runs,
      points: this.#points,
      fired: this.#fired,
    }
  }

  /** Crashes each effect of the recovery from what a first crash left. */
  async #recoveries(ground: Ground, path: string): Promise<void> {
    const { second: share, depth, triples } = this.#options
    const effects = await this.#list(ground, path, 1)
    const starting = effects.filter(({ name }) => name.includes('| start'))
    for (const point of starting) {
      if (this.#dice.next() >= share) continue
      const kind = this.#dice.next() < 0.8 ? 'power' : 'kill'
      const second = await this.#crash(ground, point, 1)
      this.#end(second, kind, point)
      const told = `${path}, ${String(point.n)} ${kind}`
      await this.#judge(second, told, 1)
      if (depth > 2 && this.#runs[2] < triples && this.#dice.next() < 0.05) {
        await this.#triple(second, told)
      }
    }
  }

  async #triple(ground: Ground, path: string): Promise<void> {
    const effects = await this.#list(ground, path, 2)
    const point = this.#dice.pick(effects.filter(({ name }) => name.includes('| start')))
    const third = await this.#crash(ground, point, 2)
    this.#end(third, 'power', point)
    await this.#judge(third, `${path}, ${String(point.n)} power`, 2)
  }

  /** The effects of a boot to its end, with the names of their points. */
  async #list(ground: Ground, path: string, depth: number): Promise<Point[]> {
    const points: Point[] = []
    await this.#boot(forkGround(ground), path, depth, (label, phase, n) => {
      points.push({ n, name: pointOf(label, phase, depth) })
    })
    return points
  }

  async #boot(
    ground: Ground,
    path: string,
    depth: number,
    onEffect: (label: string, phase: string, n: number) => void,
    lastEffect?: number,
  ): Promise<void> {
    const trace = new Trace()
    const { violations } = await step(ground, {
      ...this.#common(trace, depth),
      faults: [],
      onEffect,
      ...(lastEffect === undefined ? {} : { lastEffect }),
    })
    this.#tell(path, violations, trace)
  }

  /** The same boot again, to the effect that is its last one, and what is left then. */
  async #crash(from: Ground, point: Point, depth: number): Promise<Ground> {
    const ground = forkGround(from)
    const path = `crash at ${String(point.n)}`
    await this.#boot(ground, path, depth, () => this.#points.add(point.name), point.n)
    return ground
  }

  #end(ground: Ground, kind: CrashKind, point: Point): void {
    endOfBoot(ground, kind, diceOf(this.#options.seed + point.n))
  }

  async #judge(from: Ground, path: string, depth: 0 | 1 | 2): Promise<void> {
    this.#runs[depth] += 1
    const trace = new Trace()
    const violations = await lastBoot(forkGround(from), this.#common(trace, depth + 1))
    this.#tell(path, violations, trace)
  }

  /** The same chance in every boot of the same depth: so a listed effect is met again. */
  #common(trace: Trace, depth: number): Omit<Parameters<typeof step>[1], 'faults'> {
    const { program, seed } = this.#options
    return { program, size: SIZE, trace, fired: this.#fired, dice: diceOf(seed * 7 + depth) }
  }

  #tell(path: string, what: readonly string[], trace: Trace): void {
    if (what.length === 0) return
    const program = this.#options.program.name
    this.#options.onViolation({ program, path, what, tail: trace.tail(TAIL_LINES) })
  }
}
