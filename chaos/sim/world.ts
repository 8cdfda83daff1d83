/**
 * One boot of the simulated machine: everything that can happen next waits here, the seed picks
 * one, it happens, and all that follows from it runs until everybody waits again. When nothing can
 * happen, time goes on.
 *
 * An effect has a label, is counted, and can be the last one of the boot: it happens, nobody hears
 * of it, and nothing of this boot ever happens again.
 */
import type { Dice } from '../kill/dice.ts'
import { SimClock } from './clock.ts'
import type { Damage } from './damage.ts'
import type { SimDisk } from './disk.ts'
import type { Faults } from './faults.ts'
import type { Gate } from './gate.ts'
import type { Inode } from './inode.ts'
import { kindOf } from './labels.ts'
import { misdirect } from './strays.ts'
import type { Trace } from './trace.ts'

interface Task {
  readonly label: string
  readonly isEffect: boolean
  run(): void
}

export interface WorldOptions {
  readonly disk: SimDisk
  readonly dice: Dice
  readonly faults: Faults
  readonly trace: Trace
  /** Wall-clock time at the start, in ms. */
  readonly now: number
  /** A kind of files whose effects take up to so many ms each. */
  readonly slow?: SlowPlace
  /** The effect that is the last one, from 1. */
  readonly lastEffect?: number
  /** Sees every effect that happened. */
  readonly onEffect?: (label: string, n: number) => void
}

export interface SlowPlace {
  readonly on: string
  readonly ms: number
}

export type Ending = 'done' | 'died' | 'stuck'

/** A boot that does so much more than any other does not end any more. */
const STEPS_MAX = 400_000
/** Libraries may chain so many turns of the event loop. */
const QUIET_TURNS = 3
const FULL_MS = 1000
const NEVER = new Promise<never>(() => undefined)

export class World {
  readonly clock: SimClock
  readonly disk: SimDisk
  readonly faults: Faults
  readonly dice: Dice
  readonly #options: WorldOptions
  readonly #ready: Task[] = []
  #effects = 0
  #dead = false
  #misdirects = false
  #stray: Damage | undefined

  constructor(options: WorldOptions) {
    this.#options = options
    this.disk = options.disk
    this.faults = options.faults
    this.dice = options.dice
    this.clock = new SimClock(options.now, () => this.event('turn', () => undefined))
  }

  get effects(): number {
    return this.#effects
  }
  get dead(): boolean {
    return this.#dead
  }

  /** What a misdirected write has overwritten. */
  get stray(): Damage | undefined {
    return this.#stray
  }

  /** From now on nothing of this boot happens any more. */
  die(): void {
    this.#dead = true
    this.#ready.length = 0
  }

  note(text: string): void {
    this.#options.trace.add(`${String(this.clock.monotonic())} ${text}`)
  }

  /** Something happens, later; it leaves no trace on the disk and is not counted. */
  event<T>(label: string, perform: () => T, alive?: () => boolean): Promise<T> {
    return this.#submit(label, false, perform, alive)
  }

  effect<T>(label: string, perform: () => T, alive?: () => boolean): Promise<T> {
    return this.#submit(label, true, perform, alive)
  }

  /** The effects of a process; they end with it. */
  gate(alive: () => boolean = () => true): Gate {
    return {
      effect: (label, perform) => this.effect(label, perform, alive),
      look: (label, perform) => this.event(label, perform, alive),
      fitting: (path, _file, _position, length) => this.#fitting(path, length),
      syncFails: (path, file) => this.#syncFails(path, file),
      wrote: (_path, file, position, bytes) => {
        this.#misdirect(file, position, bytes)
      },
      readFails: (path) => this.faults.strikes('read-eio', kindOf(path)) !== undefined,
      now: () => this.clock.now(),
    }
  }

  #fitting(path: string, length: number): number {
    const fault = this.faults.strikes('short-write', kindOf(path))
    return fault === undefined ? length : Math.floor(fault.size * length)
  }

  #syncFails(path: string, file: Inode): boolean {
    if (this.faults.strikes('sync-eio', kindOf(path)) === undefined) return false
    file.failSync(this.dice)
    return true
  }

  /** Once it has struck, the first write that finds its like lands there too. */
  #misdirect(file: Inode, position: number, bytes: Uint8Array): void {
    if (this.faults.strikes('misdirected-write') !== undefined) this.#misdirects = true
    if (!this.#misdirects || this.#stray !== undefined) return
    const stray = misdirect(file, position, bytes)
    if (stray === undefined) return
    this.#misdirects = false
    this.#stray = stray
    this.note(stray.what)
  }

  #submit<T>(
    label: string,
    isEffect: boolean,
    perform: () => T,
    alive: (() => boolean) | undefined,
  ): Promise<T> {
    if (this.#dead || alive?.() === false) return NEVER
    return new Promise((resolve, reject) => {
      const run = (): void => {
        if (alive?.() === false) return
        let value: T
        try {
          value = perform()
        } catch (error) {
          if (isEffect) this.#happened(`${label} failed`)
          reject(error instanceof Error ? error : new Error(String(error)))
          return
        }
        if (isEffect) this.#happened(label)
        if (!this.#dead) resolve(value)
      }
      this.#queue({ label, isEffect, run })
    })
  }

  #queue(task: Task): void {
    const ms = task.isEffect ? this.#delay(task.label) : 0
    if (ms === 0) this.#ready.push(task)
    else {
      void this.clock.sleep(ms).then(() => {
        this.#ready.push(task)
      })
    }
  }

  #delay(label: string): number {
    const { slow } = this.#options
    const always =
      slow !== undefined && label.split(' ', 2)[1] === slow.on ? this.dice.below(slow.ms) : 0
    return always + (this.faults.strikes('slow-disk')?.size ?? 0)
  }

  #happened(label: string): void {
    this.#effects += 1
    this.note(label)
    this.#options.onEffect?.(label, this.#effects)
    const { disk, faults } = this
    const full = faults.strikes('no-space')
    if (full !== undefined) {
      disk.capacity = undefined
      disk.capacity = disk.usedBytes + full.size * 4096
      // Somebody makes room, some day.
      void this.clock.sleep((1 + full.size) * FULL_MS).then(() => {
        this.note('room again')
        disk.capacity = undefined
      })
    }
    const forward = faults.strikes('clock-forward')
    if (forward !== undefined) this.clock.jump(forward.size)
    const back = faults.strikes('clock-back')
    if (back !== undefined) this.clock.jump(-back.size)
    if (this.#effects === this.#options.lastEffect) this.die()
  }

  /** Lets things happen until `until` holds, the boot has died, or nothing can happen any more. */
  async run(until: () => boolean): Promise<Ending> {
    let quiet = 0
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      await nextTurn()
      if (this.#dead) return 'died'
      if (until()) return 'done'
      if (this.#step()) quiet = 0
      else if (++quiet >= QUIET_TURNS) {
        if (!this.clock.wakeNext()) return 'stuck'
        quiet = 0
      }
    }
    return 'stuck'
  }

  /** False when nothing waits. Often several at once: who ran in parallel was not yet answered. */
  #step(): boolean {
    if (this.#ready.length === 0) return false
    do {
      const at = this.dice.below(this.#ready.length)
      const task = this.#ready[at]
      const last = this.#ready.pop()
      if (task !== undefined && last !== undefined && at < this.#ready.length) {
        this.#ready[at] = last
      }
      task?.run()
    } while (this.#ready.length > 0 && this.dice.next() < 0.5)
    return true
  }
}

const nextTurn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
