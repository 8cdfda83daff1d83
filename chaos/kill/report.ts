/** What a run is told as. Pure. */
import { isClean } from './judge.ts'
import { deal, type Kind, KINDS, shareOf } from './plan.ts'
import type { Outcome } from './run.ts'

const SHOWN = 8

/** Everything held, and every kind of kill came to its share. */
export const isGood = (outcome: Outcome, cycles: number): boolean =>
  isClean(outcome.verdict) && outcome.problems.length === 0 && missing(outcome, cycles).length === 0

const missing = ({ record }: Outcome, cycles: number): Kind[] =>
  KINDS.filter((kind) => record.fired[kind] < shareOf(kind, cycles))

export function report(
  outcome: Outcome,
  { seed, cycles }: { seed: number; cycles: number },
): string {
  const { record, verdict } = outcome
  const good = isGood(outcome, cycles)
  const kills = KINDS.reduce((sum, kind) => sum + record.fired[kind], 0)
  const lines = [
    `seed ${String(seed)}, ${String(cycles)} cycles, ${String(outcome.seconds)} s`,
    '',
    ...table(outcome, cycles),
    '',
    `kills ${String(kills)}, without occasion ${String(record.unfired)}`,
    `lives ${String(record.starts)}, restarts ${String(record.starts - 1)}`,
    `from kill to first commit: ${times(record.recoveries)}`,
    `N ${String(outcome.sent)}, acknowledged ${String(outcome.acknowledged)}, ` +
      `posts known already ${String(outcome.duplicates)}, ` +
      `directories ${String(outcome.directories)}`,
    `stores mended ${String(outcome.mended)}, torn tails cut ${String(outcome.tornTails)}`,
    `lost ${list(verdict.lost)}`,
    `doubled ${list(verdict.doubled)}`,
    `output and state differ ${list(verdict.torn)}`,
    `never sent ${list(verdict.invented)}`,
    ...(outcome.livesHit > 0 ? [`seen in ${String(outcome.livesHit)} lives`] : []),
    ...missing(outcome, cycles).map((kind) => `too few kills of kind ${kind}`),
    ...outcome.problems.slice(0, SHOWN).map((problem) => `problem: ${problem}`),
    ...(outcome.problems.length > SHOWN ? [`and ${String(outcome.problems.length)} in all`] : []),
    good ? 'passed' : `FAILED; what is left lies in ${outcome.scratch}`,
  ]
  return `${lines.join('\n')}\n`
}

function table({ record }: Outcome, cycles: number): string[] {
  const dealt = deal(cycles)
  const row = (...cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(8))).join('')
  const lines = [row('kind', 'planned', 'wanted', 'fired')]
  for (const kind of KINDS) {
    const [planned, wanted] = [String(dealt[kind]), String(shareOf(kind, cycles))]
    lines.push(row(kind, planned, wanted, String(record.fired[kind])))
    const labels = [...(record.labels.get(kind) ?? [])].sort(([, a], [, b]) => b - a)
    for (const [label, count] of labels) lines.push(`  ${String(count).padStart(4)} ${label}`)
  }
  return lines
}

function times(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b)
  const median = sorted[sorted.length >> 1]
  const longest = sorted.at(-1)
  if (median === undefined || longest === undefined) return 'no commit came'
  return `median ${String(median)} ms, max ${String(longest)} ms of ${String(sorted.length)}`
}

function list(numbers: readonly number[]): string {
  if (numbers.length === 0) return '0'
  const some = numbers.slice(0, SHOWN).map(String).join(', ')
  return `${String(numbers.length)}: ${some}${numbers.length > SHOWN ? ', …' : ''}`
}
