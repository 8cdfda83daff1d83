/**
 * Stateful word count, live in the terminal. The text comes from a generator, from whoever POSTs
 * lines, and, if asked, from a TCP server such as `nc`.
 *
 *   node bin/millrace.js run examples/word-count.ts --supervise
 *   nc -lk 9999                     and then, in another terminal, the same with
 *                                   --param socketPort=9999
 */
import { defineApp, seconds } from 'millrace'

export default defineApp(
  {
    name: 'word-count',
    batchInterval: seconds(1),
    params: { linesPerSecond: 1000, httpPort: 8080, socketPort: 0, top: 8 },
  },
  (ssc, { linesPerSecond, httpPort, socketPort, top }) => {
    const sources = [
      ssc.generatorStream({ uid: 'generated', linesPerSecond }),
      ssc.httpStream({ uid: 'posted', port: httpPort }),
    ]
    if (socketPort !== 0) {
      sources.push(ssc.socketTextStream('127.0.0.1', socketPort, { uid: 'socket' }))
    }
    const totals = ssc
      .union(sources)
      .flatMap((line) => line.split(' '))
      .filter((word) => word !== '')
      .map((word) => [word, 1])
      .reduceByKey((a, b) => a + b)
      .updateStateByKey({ uid: 'totals', idle: 'skip' }, (counts, before: number | undefined) =>
        counts.reduce((a, b) => a + b, before ?? 0),
      )
    totals
      .map(([word, count]) => [-count, word])
      .transform((words) => words.sortByKey())
      .map(([count, word]) => [word, -count])
      .print(top)
  },
)
