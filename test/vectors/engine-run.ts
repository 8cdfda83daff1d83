/**
 * Runs a vector on an engine whose clock is moved by hand: batch k is at k intervals, one batch
 * after the other is waited for, and what its commit published is kept. A recovery vector stops its
 * first engine at once after some batches and goes on with a second one on the same directory.
 */
import { deserialize } from 'node:v8'
import { isMillraceError, messageOf } from '../../src/base/errors.ts'
import { millis } from '../../src/base/time.ts'
import type { EngineOptions } from '../../src/engine/engine-options.ts'
import { Engine } from '../../src/engine/engine.ts'
import { DEFAULT_SETTINGS, type EngineSettings, type Logger } from '../../src/engine/settings.ts'
import type { StagedOutput } from '../../src/engine/staged-output.ts'
import type { Host } from '../../src/host/host.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { constructionError } from './app.ts'
import type { BatchRows } from './compare.ts'
import { batchCount, type RunError, type VectorRun } from './judge.ts'
import { OUTPUT } from './pipeline.ts'
import { numberIn, type Vector } from './vector.ts'

/** As many as Spark's local[2] had, from which the vectors come. */
export const PARTITIONS = 2
const SEGMENT_BYTES = 1024 * 1024

/** Where and on what a vector runs. */
export interface Ground {
  /** Everything of a host but the clock. */
  readonly host: Omit<Host, 'clock'>
  /** undefined: without one of its own, so that state must be refused. */
  readonly directory: string | undefined
  readonly workingDirectory: string
  readonly newTeam: EngineOptions['newTeam']
}

const ignore = (): void => undefined
const quiet: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

const settings: EngineSettings = {
  ...DEFAULT_SETTINGS,
  partitions: PARTITIONS,
  segmentBytes: SEGMENT_BYTES,
  // The clock stands still, so a second attempt would wait for ever; and none of these errors goes
  // away.
  maxAttempts: 1,
}

export const engineOptions = (ground: Ground, clock: ManualClock): EngineOptions => ({
  host: { ...ground.host, clock },
  directory: ground.directory,
  workingDirectory: ground.workingDirectory,
  settings,
  drop: [],
  newTeam: ground.newTeam,
  onPrint: ignore,
  log: quiet,
})

export async function runOnEngine(vector: Vector, ground: Ground): Promise<VectorRun> {
  const clock = new ManualClock(0)
  const published = new Map<number, BatchRows>()
  const total = batchCount(vector)
  const lives = [numberIn(vector.op, 'failAfterBatches') ?? total, total]
  let done = 0
  for (const until of lives) {
    if (done >= until) continue
    const error = await live(vector, ground, { clock, published, from: done, until })
    if (error !== undefined) return { batches: inOrder(published), error }
    done = until
  }
  return { batches: inOrder(published) }
}

interface Life {
  readonly clock: ManualClock
  readonly published: Map<number, BatchRows>
  readonly from: number
  readonly until: number
}

/**
 * Only vectors that ask for one have a directory: without it the rest must work, and state must be
 * refused.
 */
export const needsDirectory = (vector: Vector): boolean =>
  vector.kind === 'recovery' || vector.raw['requiresCheckpointDir'] === true

/** One engine from its start to its end. */
async function live(vector: Vector, ground: Ground, life: Life): Promise<RunError | undefined> {
  const { clock, published } = life
  const engine = new Engine({
    ...engineOptions(ground, clock),
    onRows: (staged) => {
      // Publication may be repeated after a crash; the first one counts.
      if (staged.uid === OUTPUT && !published.has(staged.time)) keep(published, staged)
    },
  })
  try {
    await engine.start()
  } catch (error) {
    const when = constructionError(vector) === undefined ? 'start' : 'construction'
    return { when, ...describe(error) }
  }
  try {
    return await runBatches(engine, millis(vector.batchMs ?? 0), life)
  } finally {
    await engine.stop({ graceful: false, timeoutMs: 0 })
  }
}

async function runBatches(
  engine: Engine,
  interval: number,
  { clock, from, until }: Life,
): Promise<RunError | undefined> {
  for (let batch = from + 1; batch <= until; batch++) {
    await clock.advance(interval)
    await engine.settled(batch * interval)
    const { blocked } = engine
    if (blocked !== undefined) return { when: batch, code: blocked.code, message: blocked.message }
    if (engine.phase === 'failed') {
      const failure: unknown = await engine.terminated().catch((error: unknown) => error)
      return { when: batch, ...describe(failure) }
    }
  }
  return undefined
}

function describe(error: unknown): { code: string | undefined; message: string } {
  return { code: isMillraceError(error) ? error.code : undefined, message: messageOf(error) }
}

/**
 * The pipeline puts out one row a partition, which holds the partition's rows: no rows at all means
 * no dataset.
 */
function keep(published: Map<number, BatchRows>, staged: StagedOutput): void {
  const partitions = rowsOf(staged)
  if (partitions.length === 0) return
  published.set(staged.time, {
    time: staged.time,
    rows: partitions.flatMap(listOf),
    partitions: partitions.length,
  })
}

/** Rows of a `rows` output, in partition order. */
export const rowsOf = (staged: StagedOutput): readonly unknown[] =>
  staged.parts.flatMap((part) => listOf(deserialize(part.payload)))

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('an output holds what is no list')
  return value
}

const inOrder = (published: ReadonlyMap<number, BatchRows>): BatchRows[] =>
  [...published.values()].sort((a, b) => a.time - b.time)
