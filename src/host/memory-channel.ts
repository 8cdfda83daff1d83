/**
 * A `Channel` inside one process: two ends, messages delivered in order and never within `send`.
 */
import type { Channel } from './host.ts'

export function memoryChannels(): readonly [Channel, Channel] {
  const here = new End()
  const there = new End()
  here.peer = there
  there.peer = here
  return [here, there]
}

class End implements Channel {
  peer: End | undefined
  readonly #inbox: Uint8Array[] = []
  #receive: ((message: Uint8Array) => void) | undefined
  #whenClosed: (() => void) | undefined
  #closed = false

  readonly queuedBytes = 0

  send(message: Uint8Array): void {
    if (!this.#closed) this.peer?.take(message)
  }

  onMessage(f: (message: Uint8Array) => void): void {
    this.#receive = f
    queueMicrotask(() => {
      this.#deliver()
    })
  }

  onClose(f: () => void): void {
    this.#whenClosed = f
    if (this.#closed) queueMicrotask(f)
  }

  close(): void {
    this.shut()
    this.peer?.shut()
  }

  take(message: Uint8Array): void {
    this.#inbox.push(message)
    queueMicrotask(() => {
      this.#deliver()
    })
  }

  shut(): void {
    if (this.#closed) return
    this.#closed = true
    const told = this.#whenClosed
    if (told !== undefined) queueMicrotask(told)
  }

  /** What was sent before the end is still delivered. */
  #deliver(): void {
    const receive = this.#receive
    if (receive === undefined) return
    for (let next = this.#inbox.shift(); next !== undefined; next = this.#inbox.shift()) {
      receive(next)
    }
  }
}
