/**
 * What a POST does: its lines become one block, all of them or none, and the answer says so only
 * when that is durable.
 *
 * A producer that numbers its POSTs 0, 1, 2 … (`Producer-Id`, `Sequence`) may send any of them
 * again: at or below the highest number stored it is a duplicate and is not counted twice, even
 * when both arrive at once, because a producer's POSTs are taken one after the other. A number
 * further on than the next is a gap: refused, with the number expected. The first is always 0: were
 * 1 taken as well, a 0 that was overtaken on its way would be called a duplicate and be lost. A
 * POST without lines still counts as its number.
 */
import { isMillraceError, messageOf } from '../base/errors.ts'
import type { BlockSink } from '../receiver/receiver.ts'
import type { Lines } from '../receiver/text-lines.ts'
import { type Numbering, refuse, type Refusal } from './http-body.ts'
import { KeyedQueue } from './keyed-queue.ts'

export type Answer =
  { readonly kind: 'stored'; readonly records: number } | { readonly kind: 'duplicate' } | Refusal

export class Ingest {
  readonly #sink: BlockSink
  readonly #producers = new KeyedQueue()

  constructor(sink: BlockSink) {
    this.#sink = sink
  }

  get paused(): boolean {
    return this.#sink.paused
  }

  async store(lines: Lines, numbering: Numbering | undefined): Promise<Answer> {
    try {
      if (numbering === undefined) return await this.#storeUnnumbered(lines)
      return await this.#producers.run(
        numbering.id,
        async () => await this.#storeNumbered(lines, numbering),
      )
    } catch (error) {
      if (!isMillraceError(error)) throw error
      if (error.code === 'MR_RECORD_TOO_LARGE') return refuse(413, error.code, messageOf(error))
      return refuse(503, error.code, messageOf(error))
    }
  }

  async #storeUnnumbered({ bytes, count }: Lines): Promise<Answer> {
    if (count > 0) await this.#sink.add({ format: 'text', records: count, parts: [bytes] })
    return { kind: 'stored', records: count }
  }

  async #storeNumbered({ bytes, count }: Lines, producer: Numbering): Promise<Answer> {
    const expected = this.#sink.highWater(producer.id) + 1
    if (producer.sequence < expected) return { kind: 'duplicate' }
    if (producer.sequence > expected) {
      const [wanted, sent] = [String(expected), String(producer.sequence)]
      const message = `the next number of '${producer.id}' is ${wanted}, not ${sent}`
      return refuse(409, 'MR_SEQUENCE_GAP', message, { expected })
    }
    const block = { format: 'text', records: count, parts: [bytes], producer } as const
    const outcome = await this.#sink.add(block)
    return outcome === 'duplicate' ? { kind: 'duplicate' } : { kind: 'stored', records: count }
  }
}
