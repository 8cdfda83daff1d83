/** Outcomes and how often they came, and what must never come: with the place that repeats it. */

/** So many violations are told one by one; the rest is only counted. */
const TOLD_MAX = 20

export class Tally {
  readonly name: string
  readonly #counts = new Map<string, number>()
  readonly #told: string[] = []
  readonly #notes: string[] = []
  #began = 0
  #seconds = 0
  #violations = 0

  constructor(name: string, outcomes: readonly string[]) {
    this.name = name
    for (const outcome of outcomes) this.#counts.set(outcome, 0)
  }

  /** Runs the trials and takes their time. */
  async timed(trials: () => Promise<void>): Promise<Tally> {
    this.#began = Date.now()
    await trials()
    this.#seconds = (Date.now() - this.#began) / 1000
    return this
  }

  get violations(): number {
    return this.#violations
  }

  get trials(): number {
    let sum = 0
    for (const count of this.#counts.values()) sum += count
    return sum
  }

  add(outcome: string, times = 1): void {
    this.#counts.set(outcome, (this.#counts.get(outcome) ?? 0) + times)
  }

  /** A line of its own under the table, once. */
  note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text)
  }

  violate(place: string, what: string): void {
    this.#violations += 1
    if (this.#told.length < TOLD_MAX) this.#told.push(`${place}: ${what}`)
  }

  /** A table of what was counted; violations last. */
  text(): string {
    const rows = [...this.#counts].map(([outcome, count]) => `  ${pad(count)}  ${outcome}`)
    return [
      `${this.name}: ${String(this.trials)} trials in ${this.#seconds.toFixed(1)} s`,
      ...rows,
      `  ${pad(this.#violations)}  violations`,
      ...this.#notes.map((note) => `  ${note}`),
      ...this.#told.map((told) => `  VIOLATION ${told}`),
      '',
    ].join('\n')
  }
}

const pad = (count: number): string => String(count).padStart(10)
