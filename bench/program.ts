/**
 * The programs that are measured, one export each. They read lines from the bench's own server
 * (`line-server.mjs`); their interval comes from the environment, because a program's interval is
 * part of the program.
 */
import { defineApp, millis } from 'millrace'

const batchInterval = millis(Number(process.env['BENCH_INTERVAL_MS'] ?? 1000))
const params = { port: 9999, keys: 1_000_000 }

/** Receives and stores; never looks at the data. */
export const ingest = defineApp({ name: 'ingest', batchInterval, params }, (ssc, { port }) => {
  ssc.socketTextStream('127.0.0.1', port).foreachRDD(() => undefined)
})

export const grep = defineApp({ name: 'grep', batchInterval, params }, (ssc, { port }) => {
  ssc
    .socketTextStream('127.0.0.1', port)
    .filter((line) => line.includes('ERROR'))
    .foreachRDD(async (matches) => {
      await matches.count()
    })
})

export const wordCount = defineApp(
  { name: 'word-count', batchInterval, params },
  (ssc, { port }) => {
    ssc
      .socketTextStream('127.0.0.1', port)
      .flatMap((line) => line.split(' '))
      .map((word) => [word, 1])
      .reduceByKey((a, b) => a + b)
      .updateStateByKey({ uid: 'totals', idle: 'skip' }, (counts, before: number | undefined) =>
        counts.reduce((a, b) => a + b, before ?? 0),
      )
      .foreachRDD(async (totals) => {
        await totals.count()
      })
  },
)

/** Counts lines by number modulo `keys`: a state of a known size. */
export const keyed = defineApp({ name: 'keyed', batchInterval, params }, (ssc, { port, keys }) => {
  ssc
    .socketTextStream('127.0.0.1', port)
    .map((line) => [String(Number(line.slice(0, 12)) % keys), 1])
    .reduceByKey((a, b) => a + b)
    .updateStateByKey({ uid: 'totals', idle: 'skip' }, (counts, before: number | undefined) =>
      counts.reduce((a, b) => a + b, before ?? 0),
    )
    .foreachRDD(async (totals) => {
      await totals.count()
    })
})
