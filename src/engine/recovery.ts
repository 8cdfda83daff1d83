/**
 * From a directory to parts that are ready to run, in one order: own the directory, build the
 * program, verify both stores, fold the log, hold the two against each other, adopt the program's
 * shape, load state. Nothing is written before everything that can refuse has been asked; a refusal
 * leaves every byte as it was and gives the directory back.
 */
import { join } from 'node:path'
import type { Checkpoint } from '../../checkpoint/checkpoint.ts'
import type { CheckpointReport } from '../../checkpoint/open-stores.ts'
import type { LogReport } from '../../wal/contract.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import { MillraceError } from '../base/errors.ts'
import type { GraphShape } from '../dstream/shape.ts'
import { unreadStates } from '../dstream/unread-states.ts'
import { adoptShape } from './adoption.ts'
import { examineDirectory } from './directory.ts'
import type { EngineOptions } from './engine-options.ts'
import { waitForRoom } from './full-disk.ts'
import { type Identity, knownIdentity, openIdentity } from './identity.ts'
import { type Progress, STAGE_PREFIX, stageCommit, statePartitionPrefix } from './layout.ts'
import { openStorage, proveEnd, type Storage } from './open-storage.ts'
import { ownDirectory } from './ownership.ts'
import type { PieceSource } from '../executor/roster.ts'
import type { TeamHandle } from './ports.ts'
import { decodeStaged, type StagedOutput } from './staged-output.ts'

export interface Opened {
  /** The data directory. */
  readonly directory: string
  readonly logDirectory: string
  readonly shape: GraphShape
  readonly team: TeamHandle
  readonly checkpoint: Checkpoint
  readonly blocks: BlockStore
  readonly progress: Progress
  /** Staged outputs of the last commit whose receipt is missing, in output order. */
  readonly unpublished: readonly StagedOutput[]
  /** Keys of all staged outputs the checkpoint holds: the next commit removes them. */
  readonly published: readonly string[]
  /** Times of batches that were allocated and not committed, ascending. */
  readonly unfinished: readonly number[]
  /** Writes the receipts that are missing, once `unpublished` is published. */
  acknowledge(): Promise<void>
  close(): Promise<void>
}

/** Called while recovery goes on, and by what lives on after it. */
export interface RecoveryHooks {
  /** `index` of the step in `RECOVERY_STEPS`. */
  onProgress(index: number, done: number, total: number): void
  /** An executor died and is being replaced. */
  onRestart(): void
  /** Ends the waiting for room on a full disk. */
  readonly halting: AbortSignal
  /** The log failed: the engine is over. */
  onLogFailure(error: MillraceError): void
}

const OWNING = 0
const VERIFYING = 1
const READING = 2
const EXECUTORS = 3
const LOADING = 4

/** Closes what was opened, last first, and reports every error. */
class Stack {
  readonly #closers: (() => Promise<void>)[] = []

  add(close: () => Promise<void>): void {
    this.#closers.push(close)
  }

  async close(): Promise<void> {
    const errors: unknown[] = []
    for (let close = this.#closers.pop(); close; close = this.#closers.pop()) {
      await close().catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'closing the directory')
  }
}

export async function openDirectory(options: EngineOptions, hooks: RecoveryHooks): Promise<Opened> {
  const stack = new Stack()
  try {
    return await open(options, hooks, stack)
  } catch (error) {
    await stack.close()
    throw error
  }
}

async function open(options: EngineOptions, hooks: RecoveryHooks, stack: Stack): Promise<Opened> {
  const { host } = options
  hooks.onProgress(OWNING, 0, 0)
  const directory = options.directory ?? (await host.processes.privateDirectory())
  if (options.directory === undefined) stack.add(() => host.fs.remove(directory))
  const owner = await ownDirectory(host, directory, options.adminUrl)
  stack.add(() => owner.release())

  await options.onOwned?.()
  hooks.onProgress(EXECUTORS, 0, 0)
  const logDirectory = join(directory, 'log')
  const team = options.newTeam({
    logDirectory,
    onRestart: () => {
      hooks.onRestart()
    },
  })
  const building = buildProgram(team, options)
  stack.add(() => endTeam(team, building))

  const identity = await identify(host, directory, building)
  hooks.onProgress(VERIFYING, 0, 0)
  const storage = await openBoth(options, hooks, { directory, identity, logDirectory })
  const { checkpoint } = storage
  stack.add(() => checkpoint.close())
  const loading = building.then(() => team.load(pieceSource(checkpoint)))
  const [log, loaded] = await Promise.allSettled([storage.log, loading])
  if (log.status === 'rejected') throw log.reason
  const blocks = log.value.store
  stack.add(() => blocks.close())
  if (loaded.status === 'rejected') throw loaded.reason
  const shape = await building
  reportTorn(options, log.value.report)

  hooks.onProgress(LOADING, shape.states.length, shape.states.length)
  const progress = await adoptShape(options, { shape, checkpoint, blocks })
  await identity.finish()
  const found = await findUnfinished(checkpoint, blocks, progress)
  const warn = (text: string): void => {
    options.log.warn({}, text)
  }
  if (options.directory !== undefined) stack.add(() => proveEnd({ checkpoint, blocks }, warn))
  // Executors that are being replaced read the checkpoint: they end before its last commit.
  stack.add(() => endTeam(team, building))
  const close = (): Promise<void> => stack.close()
  const at = { directory, logDirectory }
  return { ...at, shape, team, checkpoint, blocks, progress, ...found, close }
}

async function buildProgram(team: TeamHandle, options: EngineOptions): Promise<GraphShape> {
  const shape = await team.build()
  refuseMisfits(shape, options.directory === undefined)
  for (const sentence of unreadStates(shape)) options.log.warn({}, sentence)
  return shape
}

/** A team is stopped when it has been built, or has failed to be: not in between. */
async function endTeam(team: TeamHandle, building: Promise<GraphShape>): Promise<void> {
  await building.catch(() => 'told by whoever waits for it')
  await team.stop()
}

/** Whose directory it is, and what must be true before anything in it is changed. */
interface Identified extends Identity {
  readonly approve: () => Promise<void>
}

/**
 * The stores of a directory with an identity are read while the executors start; that the directory
 * belongs to this application is checked before anything is changed. A first start asks the program
 * first.
 */
async function identify(
  host: EngineOptions['host'],
  directory: string,
  building: Promise<GraphShape>,
): Promise<Identified> {
  const open = async (): Promise<Identity> =>
    await openIdentity(host, directory, (await building).application)
  const state = await examineDirectory(host.fs, directory)
  if (state.kind !== 'identified') return { ...(await open()), approve: async () => undefined }
  const id = await knownIdentity(host.fs, directory)
  const approve = async (): Promise<void> => {
    await open()
  }
  return { kind: 'existing', id, approve, finish: async () => undefined }
}

async function openBoth(
  { host, settings, log }: EngineOptions,
  hooks: RecoveryHooks,
  at: { directory: string; identity: Identified; logDirectory: string },
): Promise<Storage> {
  const { id, kind, approve } = at.identity
  let reading = false
  const onFull = waitForRoom({ clock: host.clock, log, signal: hooks.halting })
  const storage = await openStorage(host, {
    checkpoint: {
      directory: at.directory,
      identity: id,
      create: kind === 'new',
      onFull,
      onProgress: (done, total) => {
        if (!reading) hooks.onProgress(VERIFYING, done, total)
      },
      approve: async () => {
        await approve()
        reading = true
        hooks.onProgress(READING, 0, 0)
      },
    },
    log: {
      directory: at.logDirectory,
      identity: id,
      segmentBytes: settings.segmentBytes,
      durability: settings.durability,
      keep: { bytes: settings.logKeepBytes, ms: settings.logKeepMs },
      onProgress: (done, total) => {
        if (reading) hooks.onProgress(READING, done, total)
      },
      onFull,
      onFailure: (error) => {
        hooks.onLogFailure(error)
      },
    },
  })
  reportMended(log, storage.report)
  return storage
}

function reportMended(log: EngineOptions['log'], report: CheckpointReport): void {
  for (const store of report.stores) {
    if (report.fresh || store.state === 'ok') continue
    const { name, state, why, aside } = store
    log.warn({ store: name, state, why, aside }, `${name} was ${state} and has been mended`)
  }
}

function reportTorn({ log }: EngineOptions, report: LogReport): void {
  if (report.tornBytes === 0) return
  const details = { bytes: report.tornBytes, end: report.end }
  log.warn(details, 'the torn tail of the log was cut: possibly acknowledged, unproven')
}

const pieceSource = (checkpoint: Checkpoint): PieceSource =>
  async function* (uid, partition) {
    const prefix = statePartitionPrefix(uid, partition)
    for await (const [key, value] of checkpoint.entries(prefix)) {
      yield [key.slice(prefix.length), value] as const
    }
  }

/** What a program cannot do in a context that has, or has no, directory of its own. */
export function refuseMisfits(shape: GraphShape, ephemeral: boolean): void {
  const queue = shape.inputs.find((input) => input.kind === 'queue')
  if (queue !== undefined && !ephemeral) {
    throw new MillraceError(
      'MR_GRAPH_INVALID',
      `queueStream doesn't support checkpointing: what was pushed to '${queue.uid}' would ` +
        `be gone after a crash (${queue.place.location ?? 'unknown place'}); ` +
        'use an input that can be read again',
    )
  }
  const state = shape.states[0]
  if (state !== undefined && ephemeral) {
    throw new MillraceError(
      'MR_CHECKPOINT_REQUIRED',
      `state '${state.uid}' (${state.place.location ?? 'unknown place'}) needs a data directory ` +
        `to be kept in: use StreamingContext.getOrCreate(directory, …)`,
    )
  }
}

/**
 * The checkpoint's root says what must be run again, never a missing receipt. Staged outputs whose
 * commit has its receipt in the log are published; of the others, publication is repeated.
 */
async function findUnfinished(
  checkpoint: Checkpoint,
  blocks: BlockStore,
  progress: Progress,
): Promise<Pick<Opened, 'unpublished' | 'published' | 'unfinished' | 'acknowledge'>> {
  const receipt = blocks.tracker.cleanup?.commit ?? -1
  const published: string[] = []
  const unpublished: StagedOutput[] = []
  for await (const [key, value] of checkpoint.entries(STAGE_PREFIX)) {
    published.push(key)
    if (stageCommit(key) > receipt) unpublished.push(decodeStaged(value))
  }
  const times = blocks.tracker.uncommitted().map((allocation) => allocation.time)
  const committed = times.filter((time) => time <= progress.time)
  const acknowledge = async (): Promise<void> => {
    const { number, digest } = checkpoint.root
    for (const time of committed) await blocks.cleanup(time, number, digest)
  }
  const unfinished = times.filter((time) => time > progress.time)
  return { unpublished, published, unfinished, acknowledge }
}
