/**
 * One boot: the shipped engine on the simulated machine, from its start to its end, with producers
 * that send until everything is acknowledged.
 */
import { AssertionFailure } from '../../src/base/assert.ts'
import { isMillraceError, messageOf } from '../../src/base/errors.ts'
import { Engine } from '../../src/engine/engine.ts'
import { DEFAULT_SETTINGS, SILENT } from '../../src/engine/settings.ts'
import { INLINE_PROGRAM } from '../../src/executor/inline-team.ts'
import { ExecutorTeam } from '../../src/executor/team.ts'
import type { Host } from '../../src/host/host.ts'
import { memoryNetwork } from '../../src/host/memory-network.ts'
import type { Dice } from '../kill/dice.ts'
import { type Producer, sendAll } from './clients.ts'
import type { Damage } from './damage.ts'
import type { SimDisk } from './disk.ts'
import { type Fault, Faults, type Fired } from './faults.ts'
import { SimFileSystem } from './file-system.ts'
import { closeAll, installListening } from './http.ts'
import { DATA, OUT } from './labels.ts'
import { Phases } from './phase.ts'
import { BATCH_MS, type Program } from './programs.ts'
import { simStores } from './stores.ts'
import { simTeam } from './team.ts'
import type { Trace } from './trace.ts'
import { type SlowPlace, World } from './world.ts'

export const EXECUTORS = 2
const PARTITIONS = 3
const SEGMENT_BYTES = 32 * 1024
/** After the last acknowledgement, all is committed and published by then. */
const SETTLE_MS = 4 * BATCH_MS
const STOP_MS = 120_000
const TIMES = {
  startTimeoutMs: 20_000,
  attemptTimeoutMs: 20_000,
  exchangeTimeoutMs: 15_000,
  pingMs: 500,
  hangTimeoutMs: 3000,
  abortGraceMs: 1000,
  stopGraceMs: 1000,
}

export interface BootOptions {
  readonly program: Program
  readonly disk: SimDisk
  readonly dice: Dice
  readonly producers: readonly Producer[]
  readonly now: number
  readonly trace: Trace
  readonly faults: readonly Fault[]
  readonly fired: Fired
  readonly paceMs: number
  readonly slow?: SlowPlace
  readonly lastEffect?: number
  readonly onEffect?: (label: string, phase: string, n: number) => void
  /** Keys of the state to read at the end. */
  readonly keys: readonly number[]
}

export interface BootResult {
  /** `stopped` in peace; `crashed` at its last effect; else it ended by itself, or never. */
  readonly kind: 'stopped' | 'crashed' | 'failed' | 'blocked' | 'stuck'
  readonly error: string | undefined
  /** A broken invariant ended it. */
  readonly isBroken: boolean
  /** It got through its start: what was damaged is mended. */
  readonly started: boolean
  readonly effects: number
  readonly now: number
  readonly state: ReadonlyMap<number, unknown>
  readonly violations: readonly string[]
  /** Overwritten by a misdirected write, and not put back. */
  readonly stray: Damage | undefined
}

export async function boot(options: BootOptions): Promise<BootResult> {
  installListening()
  const machine = new Boot(options)
  try {
    return await machine.run()
  } finally {
    closeAll()
  }
}

class Boot {
  readonly #options: BootOptions
  readonly #world: World
  readonly #engine: Engine
  readonly #phases = new Phases()
  readonly #state = new Map<number, unknown>()
  readonly #violations: string[] = []
  #started = false
  #stopping = false
  #over = false
  #failure: unknown

  constructor(options: BootOptions) {
    this.#options = options
    const { disk, dice, now, trace, lastEffect, slow } = options
    this.#world = new World({
      ...{ disk, dice, now, trace },
      faults: new Faults(options.faults, options.fired),
      ...(lastEffect === undefined ? {} : { lastEffect }),
      ...(slow === undefined ? {} : { slow }),
      onEffect: (label, n) => {
        this.#happened(label, n)
      },
    })
    this.#engine = makeEngine(this.#world, options.program, dice, (error) => {
      this.#failure ??= error
    })
  }

  #happened(label: string, n: number): void {
    const running = this.#phases.see(label)
    const { lastEffect, onEffect } = this.#options
    if (onEffect === undefined || (lastEffect !== undefined && n !== lastEffect)) return
    onEffect(label, this.#phase(running), n)
  }

  #phase(running: string): string {
    if (this.#stopping) return 'stop'
    if (this.#started) return running
    return `start: ${this.#engine.status().recovery.step}`
  }

  async run(): Promise<BootResult> {
    const { fired, paceMs, producers } = this.#options
    const fail = (error: unknown): void => {
      this.#failure ??= error ?? new Error('no reason')
    }
    this.#engine.start().then(() => {
      this.#started = true
      this.#engine.terminated().then(() => {
        this.#over = true
      }, fail)
    }, fail)
    const clients = sendAll(this.#world, producers, {
      ...{ paceMs, fired },
      onViolation: (what) => this.#violations.push(what),
    })
    const isOut = (): boolean => this.#failure !== undefined || this.#engine.blocked !== undefined
    const world = this.#world
    let ending = await world.run(() => isOut() || (this.#started && clients.done))
    if (ending === 'done' && !isOut()) {
      const settled = world.clock.monotonic() + SETTLE_MS
      ending = await world.run(() => isOut() || world.clock.monotonic() >= settled)
    }
    if (ending === 'done' && !isOut()) ending = await this.#finish(isOut)
    return this.#result(ending)
  }

  /** Reads the state and stops in peace. */
  async #finish(isOut: () => boolean): Promise<'done' | 'died' | 'stuck'> {
    let waiting = this.#options.keys.length
    for (const key of this.#options.keys) {
      this.#engine.queryState('tally', key).then(
        (answer) => {
          if (answer.kind === 'found') this.#state.set(key, answer.value)
          waiting -= 1
        },
        (error: unknown) => {
          this.#failure = error
        },
      )
    }
    const asked = await this.#world.run(() => isOut() || waiting === 0)
    if (asked !== 'done' || isOut()) return asked
    this.#stopping = true
    void this.#engine.stop({ graceful: true, timeoutMs: STOP_MS })
    return await this.#world.run(() => isOut() || this.#over)
  }

  #result(ending: 'done' | 'died' | 'stuck'): BootResult {
    const world = this.#world
    const { blocked } = this.#engine
    const failed = this.#failure !== undefined
    const kind =
      ending === 'died'
        ? 'crashed'
        : ending === 'stuck'
          ? 'stuck'
          : failed
            ? 'failed'
            : this.#over
              ? 'stopped'
              : 'blocked'
    const error = failed ? tell(this.#failure) : blocked?.message
    world.note(`end of boot: ${kind} ${error ?? ''}`)
    world.die()
    return {
      ...{ kind, error, effects: world.effects, now: world.clock.now(), state: this.#state },
      started: this.#started,
      isBroken: this.#failure instanceof AssertionFailure,
      violations: this.#violations,
      stray: world.stray,
    }
  }
}

function tell(error: unknown): string {
  const code = isMillraceError(error) ? `${error.code} ` : ''
  const stack = error instanceof AssertionFailure ? `\n${error.stack ?? ''}` : ''
  return `${code}${messageOf(error)}${stack}`
}

function makeEngine(
  world: World,
  program: Program,
  dice: Dice,
  onFailed: (error: unknown) => void,
): Engine {
  const gate = world.gate()
  const random = {
    next: () => dice.next(),
    bytes: (n: number) => Uint8Array.from({ length: n }, () => dice.below(256)),
  }
  const host: Host = {
    clock: world.clock,
    fs: new SimFileSystem(world.disk, gate),
    net: memoryNetwork(),
    random,
    processes: {
      pid: 4242,
      spawn: () => {
        throw new Error('no processes here')
      },
      privateDirectory: () => Promise.resolve('/private'),
    },
    stores: simStores(world.disk, gate),
  }
  const app = program.app(() => dice.below(1e9))
  return new Engine({
    host,
    directory: DATA,
    workingDirectory: OUT,
    settings: {
      ...DEFAULT_SETTINGS,
      segmentBytes: SEGMENT_BYTES,
      partitions: PARTITIONS,
      maxAttempts: 10,
    },
    drop: [],
    log: SILENT,
    onPrint: () => undefined,
    onFailed,
    newTeam: ({ logDirectory, onRestart }) =>
      new ExecutorTeam({
        processes: simTeam(world, app),
        clock: world.clock,
        random,
        size: EXECUTORS,
        program: INLINE_PROGRAM,
        params: {},
        partitions: PARTITIONS,
        logDirectory,
        workingDirectory: OUT,
        times: TIMES,
        onRestart,
      }),
  })
}
