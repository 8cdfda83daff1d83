/**
 * Both ends of a custom receiver in one process: a channel in memory, and a child that can be made
 * to die.
 */
import type { Receiver } from '../../src/dstream/custom-receiver.ts'
import type { Channel, ChildProcess, Exit } from '../../src/host/host.ts'
import { serveReceiver } from '../../src/sources/custom-child.ts'

class ChannelEnd implements Channel {
  readonly queuedBytes = 0
  /** The other end, once there is one. */
  peer: ChannelEnd | undefined
  #closed = false
  #take: ((message: Uint8Array) => void) | undefined
  #whenClosed: () => void = () => undefined
  readonly #early: Uint8Array[] = []

  send(message: Uint8Array): void {
    const copy = message.slice()
    setImmediate(() => {
      if (!this.#closed) this.peer?.arrive(copy)
    })
  }

  arrive(message: Uint8Array): void {
    if (this.#take === undefined) this.#early.push(message)
    else this.#take(message)
  }

  onMessage(f: (message: Uint8Array) => void): void {
    this.#take = f
    for (const message of this.#early.splice(0)) f(message)
  }

  onClose(f: () => void): void {
    this.#whenClosed = f
  }

  close(): void {
    setImmediate(() => {
      this.shut()
      this.peer?.shut()
    })
  }

  shut(): void {
    if (this.#closed) return
    this.#closed = true
    this.#whenClosed()
  }
}

export interface ChildDouble extends ChildProcess {
  /** Ends it as a signal would: nothing more is sent or heard. */
  die(exit: Exit): void
  readonly killed: readonly string[]
  /** The child's end, for children without a receiver. */
  readonly inside: Channel
}

let pids = 1000

/** A process that serves `makeReceiver`, or one that does nothing when there is none. */
export function childDouble(makeReceiver?: () => Receiver<unknown>): ChildDouble {
  const [outside, inside] = [new ChannelEnd(), new ChannelEnd()]
  outside.peer = inside
  inside.peer = outside
  let exit: (exit: Exit) => void = () => undefined
  const exited = new Promise<Exit>((resolve) => {
    exit = resolve
  })
  const killed: string[] = []
  const die = (how: Exit): void => {
    outside.shut()
    inside.shut()
    exit(how)
  }
  if (makeReceiver !== undefined) {
    serveReceiver(inside, makeReceiver).then(
      () =>
        setImmediate(() =>
          setImmediate(() => {
            die({ code: 0, signal: null })
          }),
        ),
      () => {
        die({ code: 1, signal: null })
      },
    )
  }
  return {
    pid: pids++,
    channel: outside,
    inside,
    exited,
    killed,
    die,
    kill: (signal) => {
      killed.push(signal)
      die({ code: null, signal })
    },
  }
}
