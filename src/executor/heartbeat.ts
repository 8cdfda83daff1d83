/**
 * Finds out that an executor's event loop no longer turns: pings that nobody answers. It counts
 * pings, not time, so that a driver that was itself stopped for a while blames nobody for it.
 */
import type { Clock } from '../host/host.ts'

export interface HeartbeatOptions {
  readonly clock: Clock
  /** Between two pings, in ms. */
  readonly pingMs: number
  /** Silence of so many ms of pings is a hang. */
  readonly hangTimeoutMs: number
  readonly ping: (n: number) => void
  readonly onHang: () => void
}

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #stop: (() => void) | undefined
  #unanswered = 0
  #n = 0

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  start(): void {
    this.stop()
    this.#unanswered = 0
    this.#stop = this.#options.clock.every(this.#options.pingMs, () => {
      this.#beat()
    })
  }

  /** An answer came: the event loop turned. */
  heard(): void {
    this.#unanswered = 0
  }

  stop(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  #beat(): void {
    const { hangTimeoutMs, onHang, ping, pingMs } = this.#options
    if (this.#unanswered * pingMs >= hangTimeoutMs) {
      this.stop()
      onHang()
      return
    }
    this.#unanswered += 1
    this.#n += 1
    ping(this.#n)
  }
}
