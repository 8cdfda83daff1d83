/** The small programs that are made to survive, by name. Records are `<producer>:<number>`. */
import { seconds } from '../../src/base/time.ts'
import { type App, defineApp } from '../../src/dstream/app.ts'
import { PORTS } from './http.ts'

export const PROGRAMS = ['stateless', 'stateful', 'join', 'two-receivers'] as const
export type ProgramName = (typeof PROGRAMS)[number]

export interface Tally {
  readonly count: number
  readonly sum: number
  /** Drawn when the key came first: another attempt draws another. */
  readonly luck: number
}

export interface Program {
  readonly name: ProgramName
  /** Its HTTP inputs. */
  readonly ports: readonly number[]
  /** `draw` is chance that no second attempt repeats. */
  app(draw: () => number): App<unknown>
}

export const BATCH_MS = 1000
const KEYS = 23

const numberOf = (record: string): number => Number(record.slice(record.indexOf(':') + 1))
/** The oracle has its own idea of this, on purpose. */
const keyOf = (record: string): number => numberOf(record) % KEYS

const options = (name: string): { name: string; batchInterval: ReturnType<typeof seconds> } => ({
  name,
  batchInterval: seconds(BATCH_MS / 1000),
})

const [FIRST, SECOND] = PORTS

const stateless: Program = {
  name: 'stateless',
  ports: [FIRST],
  app: (draw) =>
    defineApp(options('stateless'), (ssc) => {
      const lines = ssc.httpStream({ uid: 'lines', port: FIRST })
      lines.saveAsTextFiles('seen')
      lines.map((line) => `${line} ${String(draw())}`).saveAsTextFiles('luck')
    }),
}

const stateful: Program = {
  name: 'stateful',
  ports: [FIRST],
  app: (draw) =>
    defineApp(options('stateful'), (ssc) => {
      const lines = ssc.httpStream({ uid: 'lines', port: FIRST })
      lines.saveAsTextFiles('seen')
      const tallies = lines
        .map((line) => [keyOf(line), numberOf(line)])
        .updateStateByKey({ uid: 'tally', idle: 'skip' }, (numbers, before: Tally | undefined) => ({
          count: numbers.length + (before?.count ?? 0),
          sum: numbers.reduce((sum, n) => sum + n, before?.sum ?? 0),
          luck: before?.luck ?? draw(),
        }))
      tallies
        .map(([key, { count, sum, luck }]) => [key, count, sum, luck].join(' '))
        .saveAsTextFiles('tally')
    }),
}

const join: Program = {
  name: 'join',
  ports: [FIRST, SECOND],
  app: () =>
    defineApp(options('join'), (ssc) => {
      const left = ssc.httpStream({ uid: 'left', port: FIRST })
      const right = ssc.httpStream({ uid: 'right', port: SECOND })
      left.saveAsTextFiles('seen-left')
      right.saveAsTextFiles('seen-right')
      left
        .map((line) => [keyOf(line), line])
        .join(right.map((line) => [keyOf(line), line]))
        .map(([, [a, b]]) => `${a} ${b}`)
        .saveAsTextFiles('joined')
    }),
}

const twoReceivers: Program = {
  name: 'two-receivers',
  ports: [FIRST, SECOND],
  app: () =>
    defineApp(options('two-receivers'), (ssc) => {
      const both = ssc
        .httpStream({ uid: 'first', port: FIRST })
        .union(ssc.httpStream({ uid: 'second', port: SECOND }))
      both.saveAsTextFiles('seen')
      both
        .map((line) => [line.slice(0, line.indexOf(':')), 1])
        .reduceByKey((a, b) => a + b)
        .map(([producer, n]) => `${producer} ${String(n)}`)
        .saveAsTextFiles('counts')
    }),
}

export const programOf: Readonly<Record<ProgramName, Program>> = {
  stateless,
  stateful,
  join,
  'two-receivers': twoReceivers,
}

export const isProgram = (name: string): name is ProgramName =>
  PROGRAMS.some((program) => program === name)
