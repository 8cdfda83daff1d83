/**
 * Stateful word count, live in the terminal: the text comes from a generator and, if you like, from `curl` and `nc`.
 *
 *   npx millrace run examples/word-count.ts --supervise
 */
import { defineApp, seconds } from 'millrace'

export default defineApp(
  {
    name: 'word-count',
    batchInterval: seconds(1),
    params: { linesPerSecond: 1000, httpPort: 8080, top: 8 },
  },
  (ssc, { linesPerSecond, httpPort, top }) => {
    const generated = ssc.generatorStream({ uid: 'generated', linesPerSecond })
    const posted = ssc.httpStream({ uid: 'posted', port: httpPort })
    const totals = generated
      .union(posted)
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
