/**
 * One run: a supervised daemon that is killed cycle after cycle, a client that never gives up a
 * record, and a look at everything at the end. All processes of the run are ended whatever
 * happens; every wait has a limit.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from './client.ts'
import { type Daemon, freePort, kill, killOurs, startDaemon, verify } from './daemon.ts'
import { diceOf } from './dice.ts'
import { EventReader } from './events.ts'
import { judge, type Verdict } from './judge.ts'
import { Life } from './life.ts'
import { limited } from './limited.ts'
import { lifePlans, type LifePlan } from './plan.ts'
import { OutputReader, readStates } from './reader.ts'
import { RunRecord } from './record.ts'
import { type Settings } from './settings.ts'

const PRODUCERS = 3
const POLL_MS = 15
const SCAN_MS = 500
const CYCLE_MS_MAX = 10_000
const EXTRA_MS = 120_000
const DRAIN_MS = 60_000
const STOP_MS = 60_000

export interface RunOptions {
  readonly seed: number
  readonly cycles: number
  /** Told now and then how far it is. */
  readonly onProgress?: (line: string) => void
}

export interface Outcome {
  readonly record: RunRecord
  readonly verdict: Verdict
  /** Highest number sent; how many were acknowledged; posts the daemon had already. */
  readonly sent: number
  readonly acknowledged: number
  readonly duplicates: number
  readonly directories: number
  /** By its own words: stores it mended, torn tails of the log it cut. */
  readonly mended: number
  readonly tornTails: number
  /** Lives in which numbers were first sent that are lost, doubled, torn. */
  readonly livesHit: number
  /** Everything else that is wrong, in sentences. */
  readonly problems: readonly string[]
  readonly seconds: number
  readonly scratch: string
}

export async function run(options: RunOptions): Promise<Outcome> {
  const theRun = new Run(options, mkdtempSync(join(tmpdir(), 'millrace-chaos-')))
  // `exit` comes after every signal and error that ends this process.
  const end = (): void => {
    theRun.killAll()
  }
  process.on('exit', end)
  try {
    return await theRun.go()
  } finally {
    theRun.killAll()
    process.off('exit', end)
  }
}

class Run {
  readonly #options: RunOptions
  readonly #scratch: string
  readonly #plans: readonly LifePlan[]
  readonly #record: RunRecord
  readonly #problems: string[] = []
  readonly #pids = new Set<number>()
  readonly #lifeOf: number[] = []
  readonly #outDir: string
  readonly #dataDir: string
  readonly #logFile: string
  readonly #reader: OutputReader
  #life: Life | undefined
  #began = 0

  constructor(options: RunOptions, scratch: string) {
    this.#options = options
    this.#scratch = scratch
    this.#plans = lifePlans(options.seed, options.cycles)
    this.#record = new RunRecord(this.#plans)
    this.#outDir = join(scratch, 'out')
    this.#dataDir = join(scratch, 'data')
    this.#logFile = join(scratch, 'daemon.log')
    this.#reader = new OutputReader(this.#outDir)
  }

  killAll(): void {
    killOurs(this.#pids)
  }

  async go(): Promise<Outcome> {
    this.#began = Date.now()
    const events = this.#prepare()
    const [port, adminPort] = [await freePort(), await freePort()]
    const client = new Client({
      ...{ port, producers: PRODUCERS, seed: this.#options.seed },
      onNumber: (number) => (this.#lifeOf[number] = this.#life?.number ?? 0),
    })
    const daemon = startDaemon({
      ...{ dataDir: this.#dataDir, outDir: this.#outDir, port, adminPort },
      settingsFile: join(this.#scratch, 'settings.json'),
      logFile: this.#logFile,
    })
    this.#pids.add(daemon.pid)
    client.start()
    let states: ReadonlyMap<number, string | undefined> | undefined
    try {
      await this.#untilAllPlansAreOver(daemon, events)
      await limited(DRAIN_MS, 'the client is acknowledged', client.finish())
      await this.#untilPublished(client.sent)
      states = await limited(DRAIN_MS, 'the state is read', readStates(adminPort, client.sent))
      daemon.stop()
      const code = await limited(STOP_MS, 'the daemon stops', daemon.exited)
      if (code !== 0) this.#problems.push(`the supervisor ended with ${String(code)}, not 0`)
      await this.#verify()
    } catch (error) {
      this.#problems.push(error instanceof Error ? error.message : String(error))
    }
    await client.abandon()
    this.killAll()
    this.#reader.recheck()
    return this.#outcome(client, states)
  }

  #prepare(): EventReader {
    for (const directory of [this.#outDir, this.#dataDir]) mkdirSync(directory)
    const settings: Settings = {
      seed: this.#options.seed,
      cycles: this.#options.cycles,
      dataDir: this.#dataDir,
      outDir: this.#outDir,
      events: join(this.#scratch, 'events'),
      lifeFile: join(this.#scratch, 'life'),
    }
    writeFileSync(settings.events, '')
    writeFileSync(settings.lifeFile, '0')
    writeFileSync(join(this.#scratch, 'settings.json'), JSON.stringify(settings))
    return new EventReader(settings.events)
  }

  async #untilAllPlansAreOver(daemon: Daemon, events: EventReader): Promise<void> {
    const limit = this.#began + this.#options.cycles * CYCLE_MS_MAX + EXTRA_MS
    const dice = diceOf(~this.#options.seed)
    let gone: number | string | undefined
    void daemon.exited.then((code) => (gone = code))
    let scanAt = 0
    for (;;) {
      for (const event of events.next()) {
        if (event.kind === 'start')
          this.#beginLife(new Life(event, this.#plans[event.life - 1], dice))
        if (event.kind === 'start' || event.kind === 'spawn') this.#pids.add(event.pid)
        if (event.life === this.#life?.number) this.#life.take(event)
        this.#record.take(event)
      }
      const life = this.#life
      if (gone !== undefined) throw new Error(`the supervisor ended with ${String(gone)}`)
      if (Date.now() > limit) throw new Error('the run takes too long')
      if (life !== undefined && life.number >= this.#plans.length && life.isThrough) return
      life?.strike()
      if (life?.isOverdue === true) this.#endLife(life)
      if (Date.now() > scanAt) {
        scanAt = Date.now() + SCAN_MS
        this.#reader.scan()
      }
      await sleep(POLL_MS)
    }
  }

  #beginLife(life: Life): void {
    if (this.#life?.isKilled === false) {
      this.#problems.push(`life ${String(this.#life.number)} ended by itself: see daemon.log`)
    }
    this.#life = life
    if (life.number % 20 !== 0) return
    const lives = `life ${String(life.number)} of ${String(this.#plans.length)}`
    this.#options.onProgress?.(`${lives}, ${String(this.#seconds)} s`)
  }

  /** Its plan found no occasion: it goes another way and is not counted. */
  #endLife(life: Life): void {
    this.#record.unfired += 1
    this.#record.killed(Date.now())
    this.#life = undefined
    kill(life.pid)
  }

  /** A number may be published in a batch after its acknowledgement. */
  async #untilPublished(sent: number): Promise<void> {
    const limit = Date.now() + DRAIN_MS
    while (Date.now() < limit) {
      this.#reader.scan()
      if (this.#reader.numbers.size >= sent && this.#reader.luck.size >= sent) return
      await sleep(POLL_MS)
    }
  }

  async #verify(): Promise<void> {
    const { code, text } = await limited(STOP_MS, 'verify ends', verify(this.#dataDir))
    if (code !== 0)
      this.#problems.push(`millrace verify ended with ${String(code)}: ${text.trim()}`)
  }

  get #seconds(): number {
    return Math.round((Date.now() - this.#began) / 1000)
  }

  #outcome(client: Client, states: ReadonlyMap<number, string | undefined> | undefined): Outcome {
    const { sent, acknowledged, duplicates, violations } = client
    const { directories, luck, numbers, problems } = this.#reader
    if (acknowledged !== sent) {
      this.#problems.push(`${String(sent - acknowledged)} records were never acknowledged`)
    }
    const verdict = judge({ sent, numbers, luck, states })
    const said = readFileSync(this.#logFile, 'utf8')
    const hit = [...verdict.lost, ...verdict.doubled, ...verdict.torn]
    return {
      ...{ record: this.#record, verdict, sent, acknowledged, duplicates, directories },
      mended: said.split('has been mended').length - 1,
      tornTails: said.split('torn tail').length - 1,
      livesHit: new Set(hit.map((number) => this.#lifeOf[number])).size,
      problems: [...this.#problems, ...violations, ...problems],
      seconds: this.#seconds,
      scratch: this.#scratch,
    }
  }
}

export const removeScratch = ({ scratch }: Outcome): void => {
  rmSync(scratch, { recursive: true, force: true })
}
