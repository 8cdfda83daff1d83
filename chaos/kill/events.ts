/**
 * What the lives of the daemon tell the runner: one line of JSON an event, written by one write
 * call each, so that a kill right after it takes nothing away. A line that is not whole yet is
 * read the next time.
 */
import { appendFileSync, readFileSync } from 'node:fs'

export type Event = { readonly life: number; readonly at: number } & (
  | { readonly kind: 'start'; readonly pid: number }
  | { readonly kind: 'spawn'; readonly pid: number }
  /** The first batch of its own began, after so many effects of recovery. */
  | { readonly kind: 'live'; readonly effects: number }
  /** The first batch of its own is in both stores. */
  | { readonly kind: 'commit' }
  /** A batch was committed after an executor had been replaced. */
  | { readonly kind: 'healed' }
  /** It dies now. */
  | { readonly kind: 'fired'; readonly phase: string; readonly label: string }
)

export const writeEvent = (path: string, event: Event): void => {
  appendFileSync(path, `${JSON.stringify(event)}\n`)
}

/** Reads on from where it stopped. */
export class EventReader {
  readonly #path: string
  #lines = 0

  constructor(path: string) {
    this.#path = path
  }

  next(): readonly Event[] {
    const lines = readFileSync(this.#path, 'utf8').split('\n').slice(this.#lines, -1)
    this.#lines += lines.length
    return lines.map(eventOf)
  }
}

function eventOf(line: string): Event {
  const value: unknown = JSON.parse(line)
  if (!isEvent(value)) throw new TypeError(`not an event: ${line}`)
  return value
}

const isEvent = (value: unknown): value is Event =>
  typeof value === 'object' && value !== null && 'kind' in value && 'life' in value
