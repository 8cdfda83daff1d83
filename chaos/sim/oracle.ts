/**
 * Judges a life by what was sent and what a reader finds: published files and exported state. It
 * shares no code with the engine and believes none of its words. Pure.
 */

/** Published text by path, `<output>-<time>/<file>`. */
export type Published = ReadonlyMap<string, string>

export interface Evidence {
  readonly program: string
  /** Records of each producer, in the order in which they were sent; all were acknowledged. */
  readonly sent: ReadonlyMap<string, readonly string[]>
  readonly published: Published
  /** State of each key, where the program has one; undefined values are keys without state. */
  readonly state: ReadonlyMap<number, unknown> | undefined
}

interface Batch {
  readonly time: number
  readonly rows: readonly string[]
}

const KEYS = 23

export function judge(evidence: Evidence): string[] {
  const outputs = readOutputs(evidence.published)
  const of = (name: string): readonly Batch[] => outputs.batches.get(name) ?? []
  const found = [...outputs.problems]
  const all = [...evidence.sent.values()].flat()
  const known = new Set(all)
  switch (evidence.program) {
    case 'stateless':
      found.push(...onceInOrder(evidence.sent, of('seen')))
      found.push(...sameRows(of('seen'), of('luck'), (row) => row.split(' ')[0] ?? ''))
      break
    case 'stateful':
      found.push(...onceInOrder(evidence.sent, of('seen')))
      found.push(...tallies(of('seen'), of('tally'), evidence.state ?? new Map()))
      break
    case 'join': {
      const sides = sidesOf(evidence.sent)
      found.push(...onceInOrder(sides.left, of('seen-left')))
      found.push(...onceInOrder(sides.right, of('seen-right')))
      found.push(...joins(of('seen-left'), of('seen-right'), of('joined')))
      break
    }
    default:
      found.push(...onceInOrder(evidence.sent, of('seen')))
      found.push(...counts(of('seen'), of('counts')))
  }
  for (const batches of outputs.batches.values()) {
    for (const row of batches.flatMap((batch) => batch.rows)) {
      for (const word of row.split(' ')) {
        if (word.includes(':') && !known.has(word)) found.push(`nobody sent ${word}`)
      }
    }
  }
  return found
}

function readOutputs(published: Published): {
  readonly batches: ReadonlyMap<string, readonly Batch[]>
  readonly problems: readonly string[]
} {
  const directories = new Map<string, Map<string, string>>()
  for (const [path, text] of published) {
    const [directory = '', file = ''] = path.split('/')
    const files = directories.get(directory) ?? new Map<string, string>()
    directories.set(directory, files.set(file, text))
  }
  const problems: string[] = []
  const batches = new Map<string, Batch[]>()
  for (const [directory, files] of directories) {
    const parts = /^([a-z-]+)-(\d+)$/.exec(directory)
    if (parts === null) {
      problems.push(`left behind: ${directory}`)
      continue
    }
    if (!files.has('_SUCCESS')) problems.push(`half published: ${directory}`)
    const rows = [...files.values()].flatMap((text) => text.split('\n')).filter(Boolean)
    const name = parts[1] ?? ''
    batches.set(name, [...(batches.get(name) ?? []), { time: Number(parts[2]), rows }])
  }
  for (const list of batches.values()) list.sort((a, b) => a.time - b.time)
  return { batches, problems }
}

/** Each record once, and a producer's records in batches that never go back. */
function onceInOrder(
  sent: ReadonlyMap<string, readonly string[]>,
  batches: readonly Batch[],
): string[] {
  const found: string[] = []
  const times = new Map<string, number>()
  for (const { time, rows } of batches) {
    for (const row of rows) {
      if (times.has(row)) found.push(`twice: ${row} at ${String(times.get(row))}, ${String(time)}`)
      times.set(row, time)
    }
  }
  for (const records of sent.values()) {
    let last = 0
    for (const record of records) {
      const time = times.get(record)
      if (time === undefined) found.push(`lost: ${record}`)
      else if (time < last) found.push(`out of order: ${record} at ${String(time)}`)
      last = Math.max(last, time ?? 0)
    }
  }
  return found
}

const sorted = (rows: readonly string[]): string => [...rows].sort().join('\n')

function sameTimes(a: readonly Batch[], b: readonly Batch[]): string[] {
  const times = (batches: readonly Batch[]): string => batches.map(({ time }) => time).join()
  return times(a) === times(b) ? [] : [`one output without the other: ${times(a)} | ${times(b)}`]
}

function sameRows(
  seen: readonly Batch[],
  other: readonly Batch[],
  recordOf: (row: string) => string,
): string[] {
  const found = sameTimes(seen, other)
  for (const [n, { time, rows }] of seen.entries()) {
    const same = sorted(rows) === sorted((other[n]?.rows ?? []).map(recordOf))
    if (!same) found.push(`outputs of ${String(time)} differ`)
  }
  return found
}

interface Tally {
  count: number
  sum: number
  luck: string | undefined
}

/** Every tally of every batch follows from the records so far; the last ones are the state. */
function tallies(
  seen: readonly Batch[],
  published: readonly Batch[],
  state: ReadonlyMap<number, unknown>,
): string[] {
  const found = sameTimes(seen, published)
  const totals = new Map<number, Tally>()
  for (const [n, { time, rows }] of seen.entries()) {
    const touched = new Set<number>()
    for (const row of rows) {
      const number = Number(row.split(':')[1])
      const total = totals.get(number % KEYS) ?? { count: 0, sum: 0, luck: undefined }
      total.count += 1
      total.sum += number
      totals.set(number % KEYS, total)
      touched.add(number % KEYS)
    }
    const told = (published[n]?.rows ?? []).map((row) => row.split(' '))
    if (told.length !== touched.size) found.push(`keys of ${String(time)}: ${String(told.length)}`)
    for (const [key = '', count, sum, luck] of told) {
      const total = totals.get(Number(key))
      if (total === undefined) continue
      total.luck ??= luck
      const same = Number(count) === total.count && Number(sum) === total.sum
      if (!same || total.luck !== luck) {
        found.push(
          `tally ${key} of ${String(time)}: ${String(count)} ${String(sum)} ${String(luck)}`,
        )
      }
    }
  }
  for (const [key, { count, sum, luck }] of totals) {
    const value = { count: 0, sum: 0, luck: 0, ...asRecord(state.get(key)) }
    if (value.count !== count || value.sum !== sum || String(value.luck) !== luck) {
      found.push(`state ${String(key)} is ${JSON.stringify(value)}`)
    }
  }
  return found
}

const asRecord = (value: unknown): object =>
  typeof value === 'object' && value !== null ? value : {}

function sidesOf(sent: ReadonlyMap<string, readonly string[]>): {
  readonly left: ReadonlyMap<string, readonly string[]>
  readonly right: ReadonlyMap<string, readonly string[]>
} {
  const side = (port: string): ReadonlyMap<string, readonly string[]> =>
    new Map([...sent].filter(([id]) => id.startsWith(`p${port}`)))
  return { left: side('1'), right: side('2') }
}

function joins(
  left: readonly Batch[],
  right: readonly Batch[],
  joined: readonly Batch[],
): string[] {
  const found = [...sameTimes(left, right), ...sameTimes(left, joined)]
  const key = (row: string): number => Number(row.split(':')[1]) % KEYS
  for (const [n, { time, rows }] of left.entries()) {
    const others = right[n]?.rows ?? []
    const wanted = rows.flatMap((a) =>
      others.filter((b) => key(a) === key(b)).map((b) => `${a} ${b}`),
    )
    if (sorted(wanted) !== sorted(joined[n]?.rows ?? [])) found.push(`join of ${String(time)}`)
  }
  return found
}

function counts(seen: readonly Batch[], counted: readonly Batch[]): string[] {
  const found = sameTimes(seen, counted)
  for (const [n, { time, rows }] of seen.entries()) {
    const by = new Map<string, number>()
    for (const row of rows) {
      const producer = row.split(':')[0] ?? ''
      by.set(producer, (by.get(producer) ?? 0) + 1)
    }
    const wanted = [...by].map(([producer, count]) => `${producer} ${String(count)}`)
    if (sorted(wanted) !== sorted(counted[n]?.rows ?? [])) found.push(`counts of ${String(time)}`)
  }
  return found
}
