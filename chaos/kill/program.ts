/**
 * What the daemon runs while it is killed: each number that comes in stands once in the first
 * output, and once in the second with a value drawn by chance, which is also its state. A batch
 * that was run twice and counted twice, or of which one output came from another attempt than the
 * state, cannot hide.
 */
import { defineApp, millis } from 'millrace'

/** The state of a number. */
export interface Tally {
  /** How often it came in: 1, if all is well. */
  readonly count: number
  /** Drawn when it came in first. */
  readonly luck: number
}

export default defineApp(
  { name: 'chaos-kill', batchInterval: millis(60), params: { port: 0 } },
  (ssc, { port }) => {
    const numbers = ssc.httpStream({ uid: 'numbers', port })
    numbers.saveAsTextFiles('numbers')
    numbers
      .map((line) => [Number(line), 1])
      .updateStateByKey({ uid: 'tally', idle: 'skip' }, (ones, before: Tally | undefined) => ({
        count: ones.length + (before?.count ?? 0),
        luck: before?.luck ?? Math.random(),
      }))
      .map(([number, { count, luck }]) => `${String(number)} ${String(count)} ${String(luck)}`)
      .saveAsTextFiles('luck')
  },
)
