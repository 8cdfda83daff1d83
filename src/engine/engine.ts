/**
 * The engine: recovers a directory, then runs batch after batch until it is told to stop.
 *
 *   starting ─► running ─► stopping ─► stopped
 *       └──────────┴──────────┴─────► failed
 *
 * Whatever cannot be decided here (a commit of unknown outcome, a failed sync, damage) ends the
 * engine as `failed`: the process is expected to end too, and the next start decides from what the
 * disk holds.
 */
import { messageOf, MillraceError } from '../base/errors.ts'
import { LiveBackups, type LiveBackupOptions } from './backup/live.ts'
import type { Manifest } from './backup/manifest.ts'
import { deferred, within } from '../executor/deferred.ts'
import { assemble, jobGenerator, type Parts } from './assembly.ts'
import type { EngineOptions } from './engine-options.ts'
import type { JobGenerator } from './job-generator.ts'
import { ListenerBus, type StreamingListener } from './listener-bus.ts'
import type { QueryAnswer } from '../executor/attempt.ts'
import type { Receivers } from './receivers.ts'
import { openDirectory, type Opened } from './recovery.ts'
import { tellRecovered, tellStopped } from './tell.ts'
import { type BlockedBatch, type EngineStatus, RECOVERY_STEPS, recoveryStep } from './status.ts'
import { statusOf } from './status-view.ts'

type Phase = EngineStatus['phase']

export class Engine {
  readonly #options: EngineOptions
  readonly #bus: ListenerBus
  readonly #startedAt: number
  /** Graceful end. */
  readonly #ending = new AbortController()
  /** Immediate end. */
  readonly #halting = new AbortController()
  readonly #waiters = new Set<() => void>()
  #phase: Phase = 'starting'
  #recovery = recoveryStep('owning the directory')
  #parts: Parts | undefined
  #failure: unknown
  #done: Promise<void> | undefined
  #receiving: Promise<void> | undefined
  #receiversStopped: Promise<void> | undefined
  #generator: JobGenerator | undefined
  #restarts = 0
  #settledTime = -1
  readonly #backups: LiveBackups

  constructor(options: EngineOptions) {
    this.#options = options
    this.#startedAt = options.host.clock.now()
    this.#bus = new ListenerBus((message) => {
      options.log.warn({}, message)
    })
    this.#backups = new LiveBackups(options, this.#ending.signal)
  }

  addStreamingListener(listener: StreamingListener): void {
    this.#bus.add(listener)
  }

  removeStreamingListener(listener: StreamingListener): void {
    this.#bus.remove(listener)
  }

  /**
   * Recovers, and goes on running in the background. Resolves when the first batch can come: what
   * was committed is published, every unfinished batch was run, receivers are on. Rejects when the
   * directory or the program refuses.
   */
  async start(): Promise<void> {
    const started = deferred<undefined>()
    this.#done = this.#run(() => {
      started.resolve(undefined)
    }).catch((error: unknown) => {
      this.#fail(error)
      started.reject(error instanceof Error ? error : new Error(String(error)))
    })
    await started.promise
  }

  /** Resolves when the engine has stopped; rejects with what made it fail. */
  async terminated(): Promise<void> {
    await this.#done
    if (this.#phase === 'failed') throw this.#failure
  }

  /** True when it stopped within `ms`; rejects when it failed by then. */
  async terminatedWithin(ms: number): Promise<boolean> {
    const stopped = this.terminated().then(() => true)
    return await within(this.#options.host.clock, ms, stopped, false)
  }

  /**
   * Stops. Gracefully: the sources are stopped and what they hold becomes durable, then batches run
   * until no stored record is uncounted; when the time is up first, the rest waits in the log for
   * the next start. Else at once.
   */
  async stop(options: { graceful: boolean; timeoutMs: number }): Promise<void> {
    if (this.#done === undefined) {
      this.#phase = 'stopped'
      return
    }
    if (this.#phase !== 'failed' && this.#phase !== 'stopped') this.#phase = 'stopping'
    const timer = new AbortController()
    this.#ending.abort()
    if (options.graceful && this.#parts !== undefined && this.blocked === undefined) {
      this.#options.host.clock.sleep(options.timeoutMs, timer.signal).then(
        () => {
          this.#halting.abort()
        },
        () => undefined,
      )
    } else {
      this.#halting.abort()
    }
    await this.#done
    timer.abort()
  }

  get phase(): Phase {
    return this.#phase
  }

  get blocked(): EngineStatus['blocked'] {
    return this.#parts?.loop.blocked
  }

  /** Time of the last committed batch and zero time, once the directory is open. */
  get progress(): { readonly time: number; readonly zeroTime: number } | undefined {
    return this.#parts?.loop.progress
  }

  /** Resolves when the batch at `time` is published, a batch is blocked, or the engine is over. */
  async settled(time: number): Promise<void> {
    while (!this.#isSettled(time)) {
      await new Promise<void>((resolve) => {
        this.#waiters.add(resolve)
      })
    }
  }

  #isSettled(time: number): boolean {
    if (this.#phase === 'stopped' || this.#phase === 'failed') return true
    return this.blocked !== undefined || this.#settledTime >= time
  }

  #changed(): void {
    for (const wake of this.#waiters) wake()
    this.#waiters.clear()
  }

  /** Tries the held batch again at once, its attempts renewed; undefined when none is held. */
  retryHeld(): BlockedBatch | undefined {
    return this.#parts?.loop.retryHeld()
  }

  async queryState(uid: string, key: unknown): Promise<QueryAnswer> {
    const parts = this.#parts
    if (parts === undefined) {
      throw new MillraceError('MR_STATE_INVALID', 'still starting: the state is not loaded yet')
    }
    return await parts.opened.team.query(uid, key)
  }

  /** A consistent copy of the directory, made while the engine goes on: see `LiveBackups.run`. */
  async backup(options: LiveBackupOptions): Promise<Manifest> {
    const settled = this.#settledTime < 0 ? undefined : this.#parts
    return await this.#backups.run(settled, options)
  }

  status(): EngineStatus {
    return statusOf({
      phase: this.#phase,
      startedAt: this.#startedAt,
      recovery: this.#recovery,
      settings: this.#options.settings,
      opened: this.#parts?.opened,
      progress: this.#parts?.loop.progress,
      blocked: this.blocked,
      receivers: this.#parts?.receivers,
      intake: this.#parts?.intake,
      history: this.#parts?.history,
      executorRestarts: this.#restarts,
      catchUpBatches: this.#generator?.catchUpBatches ?? 0,
    })
  }

  #fail(error: unknown): void {
    if (this.#phase === 'failed') return
    this.#phase = 'failed'
    this.#failure = error
    this.#ending.abort()
    this.#halting.abort()
    this.#changed()
    this.#options.onFailed?.(error)
  }

  async #run(started: () => void): Promise<void> {
    const opened = await openDirectory(this.#options, {
      onProgress: (index, done, total) => {
        this.#recovery = recoveryStep(RECOVERY_STEPS[index] ?? 'running', done, total)
      },
      onRestart: () => {
        this.#restarts += 1
      },
      halting: this.#halting.signal,
      onLogFailure: (error) => {
        this.#fail(error)
      },
    })
    try {
      this.#parts = assemble(opened, this.#options, {
        bus: this.#bus,
        // A blocked batch must not keep the sources waiting: what they send is stored, up to the
        // quota.
        onBlocked: (receivers) => {
          this.#startReceivers(receivers)
          // Nothing more can be counted: a graceful stop need not wait for it.
          if (this.#ending.signal.aborted) this.#halting.abort()
          this.#changed()
        },
      })
      await this.#live(this.#parts, started)
    } finally {
      await this.#close(opened)
    }
    if (this.#phase !== 'failed') this.#phase = 'stopped'
    tellStopped(this.#options.log, opened, this.progress?.time, this.blocked)
    this.#changed()
    started()
    await this.#bus.drained()
  }

  /** From the open directory to the end: publish, run what was begun, receive, tick. */
  async #live(parts: Parts, started: () => void): Promise<void> {
    const { opened, loop, receivers } = parts
    tellRecovered(this.#options.log, opened)
    this.#recovery = recoveryStep('publishing', 0, opened.unpublished.length)
    const published = await loop.publish(opened.unpublished, this.#halting.signal)
    if (published === 'stopped') return
    await opened.acknowledge()
    await loop.sweep()
    this.#settledTime = loop.progress.time
    for (const [n, time] of opened.unfinished.entries()) {
      this.#recovery = recoveryStep('running unfinished batches', n, opened.unfinished.length)
      if ((await this.#runBatch(parts, time)) === 'stopped') return
    }
    this.#recovery = recoveryStep('starting receivers')
    this.#startReceivers(receivers)
    await this.#receiving
    if (this.#phase === 'starting') this.#phase = 'running'
    this.#recovery = recoveryStep('running')
    const now = this.#options.host.clock.now()
    this.#bus.post((listener) => listener.onStreamingStarted?.(now))
    const generator = jobGenerator(parts, this.#options, {
      run: (time) => this.#runBatch(parts, time),
      stopReceivers: () => this.#stopReceivers(receivers),
    })
    this.#generator = generator
    started()
    await generator.run({ ending: this.#ending.signal, halting: this.#halting.signal })
  }

  async #runBatch({ loop }: Parts, time: number): Promise<'completed' | 'stopped'> {
    const result = await loop.run(time, this.#halting.signal)
    if (result === 'completed') this.#settledTime = time
    this.#changed()
    return result
  }

  #startReceivers(receivers: Receivers): void {
    if (this.#ending.signal.aborted) return
    this.#receiving ??= receivers.start().catch((error: unknown) => {
      this.#options.log.error({}, `receivers cannot start: ${messageOf(error)}`)
    })
  }

  async #stopReceivers(receivers: Receivers): Promise<void> {
    if (this.#receiving === undefined) return
    await this.#receiving
    this.#receiversStopped ??= receivers.stop()
    await this.#receiversStopped
  }

  async #close(opened: Opened): Promise<void> {
    const errors: unknown[] = []
    const parts = this.#parts
    await this.#backups.ended()
    if (parts !== undefined) {
      await this.#stopReceivers(parts.receivers).catch((error: unknown) => errors.push(error))
    }
    await opened.close().catch((error: unknown) => errors.push(error))
    if (errors.length > 0) throw new AggregateError(errors, 'closing the engine')
  }
}
