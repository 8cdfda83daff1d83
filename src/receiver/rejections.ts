/**
 * Counts input that was left out and tells of it at most once a second, so that a source of nothing
 * but bad lines fills no log. Invariant: every record counted is told of once, the last ones by
 * `flush`.
 */
import type { Clock } from '../host/host.ts'
import type { RejectReason } from './line-cutter.ts'
import type { ReceiverEvent } from './receiver.ts'

const QUIET_MS = 1000

export class Rejections {
  readonly #clock: Clock
  readonly #onEvent: (event: ReceiverEvent) => void
  readonly #counts = new Map<RejectReason, number>()
  #toldAt = -Infinity

  constructor(clock: Clock, onEvent: (event: ReceiverEvent) => void) {
    this.#clock = clock
    this.#onEvent = onEvent
  }

  add(reason: RejectReason, records: number): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + records)
    if (this.#clock.monotonic() - this.#toldAt >= QUIET_MS) this.flush()
  }

  flush(): void {
    if (this.#counts.size === 0) return
    this.#toldAt = this.#clock.monotonic()
    for (const [reason, records] of this.#counts) {
      this.#onEvent({ kind: 'rejected', records, reason })
    }
    this.#counts.clear()
  }
}
