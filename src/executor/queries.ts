/** The queries an executor has not answered yet, by number. Each is answered once, or fails. */
import type { Clock } from '../host/host.ts'
import { type Deferred, deferred, within } from './deferred.ts'
import type { FromExecutor } from './protocol.ts'

export type Answer = Extract<FromExecutor, { kind: 'answer' }>['result']

export class Queries {
  readonly #waiting = new Map<number, Deferred<Answer>>()
  #next = 0

  /** Sends a query under a fresh number; undefined when there is no answer within `ms`. */
  async ask(clock: Clock, ms: number, send: (id: number) => void): Promise<Answer | undefined> {
    const id = this.#next++
    const answer = deferred<Answer>()
    this.#waiting.set(id, answer)
    try {
      send(id)
      return await within(clock, ms, answer.promise, undefined)
    } finally {
      this.#waiting.delete(id)
    }
  }

  /** An answer that comes too late is no one's. */
  answer(id: number, result: Answer): void {
    this.#waiting.get(id)?.resolve(result)
  }

  failAll(reason: Error): void {
    for (const query of this.#waiting.values()) query.reject(reason)
  }
}
