/**
 * A program embedded in a process of one's own: the same engine as the daemon's, started by hand.
 *
 *   INITIALIZED ─ start ─► ACTIVE ─ stop ─► STOPPED        a start that fails ends STOPPED too
 *
 * Inline (the default) the program's functions run in this very process: nothing stands between a
 * loop of theirs and the receivers. With `executors` they run in child processes, which need the
 * module that exports the program, since a closure cannot reach another process.
 */
import { resolve } from 'node:path'
import { MillraceError } from '../base/errors.ts'
import type { App } from '../dstream/app.ts'
import type { QueryAnswer } from '../executor/attempt.ts'
import { INLINE_PROGRAM, inlineTeam } from '../executor/inline-team.ts'
import { processTeam } from '../executor/process-team.ts'
import { ExecutorTeam } from '../executor/team.ts'
import type { Host } from '../host/host.ts'
import { Engine } from './engine.ts'
import type { StreamingListener } from './listener-bus.ts'
import type { TeamHandle } from './ports.ts'
import { DEFAULT_SETTINGS, type EngineSettings, type Logger, SILENT } from './settings.ts'
import type { StagedOutput } from './staged-output.ts'
import type { EngineStatus } from './status.ts'

export type ContextState = 'INITIALIZED' | 'ACTIVE' | 'STOPPED'

export interface ContextOptions {
  /** Parameters of the program, as on the command line. */
  readonly params?: Readonly<Record<string, string>>
  /** Engine settings; the daemon's defaults for what is missing. */
  readonly settings?: Partial<EngineSettings>
  /**
   * Runs the program in so many child processes, loaded from `module` (a file URL of JavaScript
   * that exports it).
   */
  readonly executors?: { readonly count: number; readonly module: string }
  /** What relative output paths are relative to. Default: the current directory. */
  readonly workingDirectory?: string
  /** Uids of states that the program no longer has and whose content may go. */
  readonly drop?: readonly string[]
  /** Where `print` goes. Default: standard output. */
  readonly onPrint?: (text: string) => void
  /** What `rows` outputs of a test kit published. */
  readonly onRows?: (staged: StagedOutput) => void
  /** Default: nothing is logged. */
  readonly log?: Logger
}

const EXECUTOR_MEMORY_MB = 1024
/** A graceful stop gives the batches so many intervals, as Spark does, but at least 10 s. */
const STOP_INTERVALS = 10
const STOP_MS_MIN = 10_000

export class EmbeddedContext {
  readonly #app: App<unknown>
  readonly #engine: Engine
  #state: ContextState = 'INITIALIZED'

  constructor(
    machine: { readonly host: Host; readonly print: (text: string) => void },
    app: App<unknown>,
    directory: string | undefined,
    options: ContextOptions,
  ) {
    const { host, print } = machine
    this.#app = app
    const workingDirectory = resolve(options.workingDirectory ?? '.')
    const settings = { ...DEFAULT_SETTINGS, ...options.settings }
    this.#engine = new Engine({
      host,
      directory,
      workingDirectory,
      settings,
      drop: options.drop ?? [],
      log: options.log ?? SILENT,
      onPrint: options.onPrint ?? print,
      ...(options.onRows === undefined ? {} : { onRows: options.onRows }),
      newTeam: (context) =>
        newTeam({ host, app, options, partitions: settings.partitions, workingDirectory }, context),
    })
  }

  get name(): string {
    return this.#app.name
  }

  getState(): ContextState {
    return this.#state
  }

  addStreamingListener(listener: StreamingListener): void {
    this.#engine.addStreamingListener(listener)
  }

  removeStreamingListener(listener: StreamingListener): void {
    this.#engine.removeStreamingListener(listener)
  }

  /**
   * Recovers the directory and starts. A second start changes nothing. Rejects with
   * `MR_STATE_INVALID` after a stop, and with whatever the program or the directory refuse; then
   * the context is stopped.
   */
  async start(): Promise<void> {
    if (this.#state === 'STOPPED') {
      throw new MillraceError('MR_STATE_INVALID', 'the context has been stopped: make a new one')
    }
    if (this.#state === 'ACTIVE') return
    this.#state = 'ACTIVE'
    try {
      await this.#engine.start()
    } catch (error) {
      this.#state = 'STOPPED'
      throw error
    }
  }

  /**
   * Stops; idempotent. `graceful`: everything received is counted first, within `timeoutMs`
   * (default ten batch intervals, at least 10 s); what remains is counted after the next start.
   */
  async stop(options: { graceful?: boolean; timeoutMs?: number } = {}): Promise<void> {
    this.#state = 'STOPPED'
    const timeoutMs = Math.max(STOP_MS_MIN, STOP_INTERVALS * this.#app.batchInterval)
    await this.#engine.stop({ graceful: false, timeoutMs, ...options })
  }

  /**
   * Resolves when the context has stopped. Rejects with what made it fail (with `failFast`: also a
   * program's error).
   */
  async awaitTermination(): Promise<void> {
    await this.#engine.terminated()
    this.#state = 'STOPPED'
  }

  /** True when the context stopped within `ms`. */
  async awaitTerminationOrTimeout(ms: number): Promise<boolean> {
    return await this.#engine.terminatedWithin(ms)
  }

  status(): EngineStatus {
    return this.#engine.status()
  }

  /** A committed value, by the key as JSON. */
  async queryState(uid: string, key: unknown): Promise<QueryAnswer> {
    return await this.#engine.queryState(uid, key)
  }
}

interface TeamParts {
  readonly host: Host
  readonly app: App<unknown>
  readonly options: ContextOptions
  readonly partitions: number
  readonly workingDirectory: string
}

function newTeam(
  { host, app, options, partitions, workingDirectory }: TeamParts,
  context: { readonly logDirectory: string; readonly onRestart: () => void },
): TeamHandle {
  const params = options.params ?? {}
  const { executors } = options
  const program =
    executors === undefined ? INLINE_PROGRAM : { ...INLINE_PROGRAM, bundle: executors.module }
  const processes =
    executors === undefined
      ? inlineTeam({ host, app, params, partitions })
      : processTeam({
          ...{ host, program, params, partitions },
          memoryMegabytes: EXECUTOR_MEMORY_MB,
          onOutput: (name, stream, line) => {
            options.log?.info({ process: name, stream }, line)
          },
        })
  return new ExecutorTeam({
    ...{ processes, program, params, partitions, workingDirectory },
    clock: host.clock,
    random: host.random,
    size: executors?.count ?? 1,
    logDirectory: context.logDirectory,
    onRestart: () => {
      context.onRestart()
    },
  })
}
