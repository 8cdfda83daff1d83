/**
 * Reads single records by reference, in any process, while the log is open elsewhere or nowhere.
 * Writes nothing.
 *
 * Invariant: what is returned was written under this very reference: position and epoch are part of
 * the checksum, so a recycled segment gives an error, never another record. A reference is to be
 * read only while it is kept.
 */
import { messageOf, MillraceError } from '../src/base/errors.ts'
import type { FileSystem, ReadableFile } from '../src/host/host.ts'
import { decodeRecord } from './group-format.ts'
import { OPEN_SEGMENTS_MAX, RECORD_HEADER_BYTES } from './limits.ts'
import type { RecordKind, RecordRef } from './record.ts'
import { segmentName } from './segment-format.ts'
import { logDamaged, positions } from './verdict.ts'

export class RecordReader {
  readonly #fs: Pick<FileSystem, 'openReadSync'>
  readonly #directory: string
  /** Least recently used first. */
  readonly #open = new Map<number, ReadableFile>()
  readonly #evicted = new Set<Promise<void>>()
  readonly #errors: unknown[] = []
  #closed = false

  constructor(fs: Pick<FileSystem, 'openReadSync'>, directory: string) {
    this.#fs = fs
    this.#directory = directory
  }

  /**
   * The payload is the caller's. Errors: MR_LOG_DAMAGED with file and offset, MR_LOG_CLOSED after
   * `close`.
   */
  readSync(ref: RecordRef): { readonly kind: RecordKind; readonly payload: Uint8Array } {
    if (this.#closed) throw new MillraceError('MR_LOG_CLOSED', 'the reader is closed')
    const expected = RECORD_HEADER_BYTES + ref.length
    const bytes = this.#bytes(ref, expected)
    const record = decodeRecord(bytes, ref.position, ref.epoch)
    if (typeof record === 'string') throw this.#damaged(ref, record)
    if (record.bytes !== expected) throw this.#damaged(ref, 'the record has another length')
    return { kind: record.kind, payload: record.payload }
  }

  #bytes(ref: RecordRef, length: number): Uint8Array {
    try {
      return this.#file(ref.segment).readSync(ref.offset, length)
    } catch (error) {
      throw this.#damaged(ref, `it cannot be read: ${messageOf(error)}`, error)
    }
  }

  #file(segment: number): ReadableFile {
    const file = this.#open.get(segment) ?? this.#fs.openReadSync(this.#path(segment))
    this.#open.delete(segment)
    this.#open.set(segment, file)
    if (this.#open.size > OPEN_SEGMENTS_MAX) this.#evictOldest()
    return file
  }

  #evictOldest(): void {
    for (const [segment, file] of this.#open) {
      this.#open.delete(segment)
      const closing = file
        .close()
        .catch((error: unknown) => {
          this.#errors.push(error)
        })
        .finally(() => this.#evicted.delete(closing))
      this.#evicted.add(closing)
      return
    }
  }

  #path(segment: number): string {
    return `${this.#directory}/${segmentName(segment)}`
  }

  #damaged(ref: RecordRef, reason: string, cause?: unknown): MillraceError {
    const { position, offset, length } = ref
    const place = { file: this.#path(ref.segment), offset, reason }
    return logDamaged(place, positions(position, position + RECORD_HEADER_BYTES + length), cause)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    while (this.#open.size > 0) this.#evictOldest()
    await Promise.all(this.#evicted)
    if (this.#errors.length > 0) throw new AggregateError(this.#errors, 'closing segments')
  }
}
