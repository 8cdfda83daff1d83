/**
 * A child process that is none: two ends of a channel whose messages the world delivers, in order
 * per direction, in any order between them; it can die, hang, or have its replies held back. What a
 * dead one had sent still arrives.
 */
import type { Channel, ChildProcess, Exit } from '../../src/host/host.ts'
import type { World } from './world.ts'

const KIND_AT = 10

/** The kind of a message: v8 writes it first, after `{ "kind": `. */
function kindOfMessage(bytes: Uint8Array): string {
  const length = bytes[KIND_AT] ?? 0
  const text = Buffer.from(bytes.subarray(KIND_AT + 1, KIND_AT + 1 + length)).toString('latin1')
  return /^[a-z]+$/i.test(text) ? text : 'message'
}

class Lane {
  readonly #world: World
  readonly #label: string
  readonly #takes: () => boolean
  readonly #messages: Uint8Array[] = []
  #receive: ((message: Uint8Array) => void) | undefined
  #heldUntil = 0

  constructor(world: World, label: string, takes: () => boolean) {
    this.#world = world
    this.#label = label
    this.#takes = takes
  }

  hold(ms: number): void {
    this.#heldUntil = this.#world.clock.monotonic() + ms
  }

  get #heldMs(): number {
    return this.#heldUntil - this.#world.clock.monotonic()
  }

  send(message: Uint8Array): void {
    this.#messages.push(message)
    if (this.#receive !== undefined) void this.#deliver()
  }

  receive(f: (message: Uint8Array) => void): void {
    const first = this.#receive === undefined
    this.#receive = f
    if (first) for (const _ of this.#messages) void this.#deliver()
  }

  async #deliver(): Promise<void> {
    if (this.#heldMs > 0) await this.#world.clock.sleep(this.#heldMs)
    const next = this.#messages[0]
    const kind = next === undefined ? '' : kindOfMessage(next)
    const perform = (): void => {
      if (!this.#takes()) return
      const message = this.#messages.shift()
      if (message !== undefined) this.#receive?.(message)
    }
    // Held back while it was on its way: it sets out again.
    await this.#world.effect(`${this.#label} ${kind}`, perform, () => {
      if (this.#heldMs <= 0) return true
      void this.#deliver()
      return false
    })
  }
}

export class SimProcess {
  readonly name: string
  readonly child: ChildProcess
  /** The process's own end. */
  readonly inner: Channel
  readonly #world: World
  readonly #onDeath: (() => void)[] = []
  readonly #onReplyLost: (ms: number) => void
  readonly #up: Lane
  #alive = true
  #hangs = false
  #exit: (exit: Exit) => void = () => undefined
  #closed: (() => void)[] = []

  /** `onReplyLost`: it died with its reply unsent; what the others say is late by so many ms. */
  constructor(world: World, name: string, onReplyLost: (ms: number) => void) {
    this.#world = world
    this.name = name
    this.#onReplyLost = onReplyLost
    const down = new Lane(world, `to-${name}`, () => this.runs)
    const up = new Lane(world, `from-${name}`, () => true)
    const exited = new Promise<Exit>((resolve) => {
      this.#exit = resolve
    })
    const outer = this.#end(down, up, (message) => {
      this.#strike(message, up)
      return this.#alive
    })
    this.#up = up
    this.inner = this.#end(up, down, (message) => {
      if (this.runs && kindOfMessage(message) === 'done') this.#strikeReply()
      return this.runs
    })
    this.child = {
      pid: 4242,
      channel: outer,
      exited,
      kill: (signal) => {
        this.end({ code: null, signal })
      },
    }
  }

  /** Alive, and its event loop turns. */
  get runs(): boolean {
    return this.#alive && !this.#hangs
  }

  /** What it sends from now on arrives so much later. */
  holdBack(ms: number): void {
    this.#up.hold(ms)
  }

  onDeath(f: () => void): void {
    this.#onDeath.push(f)
  }

  end(exit: Exit): void {
    if (!this.#alive) return
    this.#alive = false
    for (const f of this.#onDeath) f()
    void this.#world.event(`exit ${this.name}`, () => {
      for (const f of this.#closed) f()
      this.#exit(exit)
    })
  }

  #end(out: Lane, into: Lane, maySend: (message: Uint8Array) => boolean): Channel {
    return {
      get queuedBytes() {
        return 0
      },
      send: (message) => {
        if (maySend(message)) out.send(message.slice())
      },
      onMessage: (f) => {
        into.receive(f)
      },
      onClose: (f) => {
        this.#closed.push(f)
      },
      close: () => undefined,
    }
  }

  /** What a plan wants to happen to it at this message of the driver. */
  #strike(message: Uint8Array, up: Lane): void {
    const { faults } = this.#world
    const kind = kindOfMessage(message)
    if (kind === 'start' || kind === 'stop') return
    if (faults.strikes('executor-hang') !== undefined) {
      this.#world.note(`${this.name} hangs`)
      this.#hangs = true
    }
    const late = faults.strikes('late-reply')
    if (late !== undefined) up.hold(late.size)
    if (faults.strikes('executor-death') !== undefined) this.#die()
  }

  #strikeReply(): void {
    const lost = this.#world.faults.strikes('reply-lost')
    if (lost === undefined) return
    this.#die()
    this.#onReplyLost(lost.size)
  }

  #die(): void {
    this.#world.note(`${this.name} dies`)
    this.end({ code: null, signal: 'SIGKILL' })
  }
}
