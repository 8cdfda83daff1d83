/**
 * One run: a supervised daemon and its client, a disk that is filled to the last byte and freed
 * again round after round, and a look at everything at the end. Nobody restarts anything by hand.
 */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '../kill/client.ts'
import { freePort, verify } from '../kill/daemon.ts'
import { diceOf } from '../kill/dice.ts'
import { isClean, judge, type Verdict } from '../kill/judge.ts'
import { limited } from '../kill/limited.ts'
import { OutputReader, readStates } from '../kill/reader.ts'
import { type Daemon, startDaemon } from './daemon.ts'
import { Ballast, freeBytes } from './disk.ts'

const CALM_MS = 1500
const FULL_MS = 2500
const REFILL_MS = 25
const POLL_MS = 50
const PROGRESS_MS = 60_000

export interface SpaceOptions {
  readonly directory: string
  readonly rounds: number
  readonly seed: number
  readonly onProgress: (line: string) => void
}

export interface SpaceOutcome {
  readonly rounds: number
  readonly sent: number
  readonly acknowledged: number
  readonly duplicates: number
  readonly verdict: Verdict
  /** By the daemon's own words. */
  readonly pauses: number
  readonly waits: number
  readonly restarts: number
  /** From the moment there was room again to the next acknowledgement, in ms. */
  readonly recoveries: readonly number[]
  readonly problems: readonly string[]
}

export async function run(options: SpaceOptions): Promise<SpaceOutcome> {
  const { directory, onProgress, rounds, seed } = options
  const [dataDir, outDir] = [join(directory, 'data'), join(directory, 'out')]
  for (const made of [dataDir, outDir]) mkdirSync(made)
  const [port, adminPort] = [await freePort(), await freePort()]
  const dice = diceOf(seed)
  const client = new Client({ port, producers: 3, seed })
  const daemon = startDaemon({ dataDir, outDir, port, adminPort })
  const ballast = new Ballast(directory)
  const reader = new OutputReader(outDir)
  const recoveries: number[] = []
  const problems: string[] = []
  let states: ReadonlyMap<number, string | undefined> | undefined
  client.start()
  try {
    await acknowledgedMore(client, daemon)
    for (let round = 1; round <= rounds; round++) {
      await sleep(dice.below(CALM_MS))
      const before = client.acknowledged
      const until = Date.now() + 1000 + dice.below(FULL_MS)
      while (Date.now() < until) {
        ballast.fill()
        await sleep(REFILL_MS)
      }
      const [took, free] = [ballast.bytes, freeBytes(directory)]
      const during = client.acknowledged - before
      ballast.release()
      recoveries.push(await acknowledgedMore(client, daemon))
      onProgress(
        `round ${String(round)}: ${String(took >> 20)} MiB taken, ${String(free)} bytes left, ` +
          `${String(during)} acknowledged meanwhile, ` +
          `the next ${String(recoveries.at(-1))} ms after there was room`,
      )
    }
    await limited(PROGRESS_MS, 'the client is acknowledged', client.finish())
    await published(reader, client.sent)
    states = await limited(PROGRESS_MS, 'the state is read', readStates(adminPort, client.sent))
    daemon.stop()
    const code = await limited(PROGRESS_MS, 'the daemon stops', daemon.exited)
    if (code !== 0) problems.push(`the supervisor ended with ${String(code)}, not 0`)
    const verified = await limited(PROGRESS_MS, 'verify ends', verify(dataDir))
    if (verified.code !== 0) problems.push(`millrace verify: ${verified.text.trim()}`)
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  await client.abandon()
  daemon.kill()
  reader.recheck()
  const { acknowledged, duplicates, sent, violations } = client
  const said = readFileSync(daemon.logFile, 'utf8')
  const times = (words: string): number => said.split(words).length - 1
  if (problems.length > 0) problems.push(`the daemon's last words: ${said.slice(-2000)}`)
  return {
    ...{ rounds, sent, acknowledged, duplicates, recoveries },
    verdict: judge({ sent, numbers: reader.numbers, luck: reader.luck, states }),
    pauses: times('receiving pauses'),
    waits: times('waiting for room'),
    restarts: times('starting it again') + times('starting again'),
    problems: [...problems, ...violations, ...reader.problems],
  }
}

/** Resolves with how long it took until a record was acknowledged that was not before. */
async function acknowledgedMore(client: Client, daemon: Daemon): Promise<number> {
  const [before, began] = [client.acknowledged, Date.now()]
  while (client.acknowledged === before) {
    if (daemon.gone) throw new Error('the supervisor is gone')
    if (Date.now() > began + PROGRESS_MS) throw new Error('no progress although there is room')
    await sleep(POLL_MS)
  }
  return Date.now() - began
}

async function published(reader: OutputReader, sent: number): Promise<void> {
  const limit = Date.now() + PROGRESS_MS
  while (Date.now() < limit) {
    reader.scan()
    if (reader.numbers.size >= sent && reader.luck.size >= sent) return
    await sleep(POLL_MS)
  }
}

export const isGood = ({ acknowledged, problems, sent, verdict }: SpaceOutcome): boolean =>
  sent > 0 && acknowledged === sent && isClean(verdict) && problems.length === 0

export function report(outcome: SpaceOutcome): string {
  const { acknowledged, duplicates, pauses, problems, recoveries, restarts, rounds, sent } = outcome
  const { doubled, invented, lost, torn } = outcome.verdict
  const worst = Math.max(...recoveries, 0)
  const lines = [
    `disk filled to the last byte: ${String(rounds)} times, restarts by hand 0`,
    `records: ${String(sent)} sent, ${String(acknowledged)} acknowledged, ` +
      `${String(duplicates)} posts were there already`,
    `lost ${String(lost.length)}, doubled ${String(doubled.length)}, ` +
      `torn ${String(torn.length)}, invented ${String(invented.length)}`,
    `receiving paused ${String(pauses)} times, a write waited for room ` +
      `${String(outcome.waits)} times, daemon started again by itself ${String(restarts)} times`,
    `from room to the next acknowledgement: at most ${String(worst)} ms`,
    ...problems.map((problem) => `problem: ${problem}`),
    isGood(outcome) ? 'passed' : 'FAILED',
  ]
  return lines.map((line) => `${line}\n`).join('')
}
