/**
 * Writes groups, one at a time, and carries the log from segment to segment.
 *
 * Invariants
 * - `durable ≤ end`, and both only grow. A group's watermark is `durable` when it was formed.
 * - A segment begins where everything before it is durable (`scan.ts` takes its base for that
 *   proof).
 * - Not two calls at once, `sync` excepted (guard: `#busy`); the appender keeps their order.
 * A crash at any line leaves whole groups and at most one torn one behind them. In a rotation:
 * before the rename nothing; after it a segment without groups, or with a torn opening group, which
 * the next open takes for an end like any other; the seal comes when its successor is durable and
 * before anything is acknowledged there.
 */
import { assert } from '../src/base/assert.ts'
import { isDiskFull } from '../src/base/disk-full.ts'
import { isMillraceError } from '../src/base/errors.ts'
import type { Appender, OwnBytes } from '../src/host/host.ts'
import type { OnFull } from './contract.ts'
import { encodeGroup, GROUP_ROLE, payloadBytes, recordsBytes } from './group-format.ts'
import type { GroupRole } from './group-format.ts'
import { GROUP_BYTES_MAX, GROUP_HEADER_BYTES, groupLimitOf } from './limits.ts'
import { RECORD_HEADER_BYTES, roomOf, SEGMENT_HEADER_BYTES } from './limits.ts'
import { ZEROED_GROUP_BYTES_MAX } from './limits.ts'
import type { LogEntry, LogRecord } from './record.ts'
import type { SegmentFiles } from './segment-files.ts'

export interface OpenSegment {
  readonly number: number
  readonly base: number
  readonly epoch: number
  /** Its number at the appender. */
  readonly file: number
}

export interface GroupWriterOptions {
  readonly identity: Uint8Array
  readonly epoch: number
  readonly segmentBytes: number
  /** Where the log ends; everything below is durable. */
  readonly end: number
  /** The last segment of the former life, which gets its seal. */
  readonly previous: OpenSegment | undefined
  /** See `LogOptions.onFull`. */
  readonly onFull: OnFull | undefined
  /** Records of an opening group. */
  snapshot(): readonly LogEntry[]
}

export class GroupWriter {
  readonly #options: GroupWriterOptions
  readonly #files: SegmentFiles
  readonly #appender: Appender
  /** For all groups but the largest. The appender has its memory while it writes one. */
  #buffer: OwnBytes = new Uint8Array(GROUP_BYTES_MAX)
  readonly #counts = { groups: 0, records: 0, bytes: 0, syncs: 0 }
  #segment: OpenSegment | undefined
  /** Groups in it. */
  #segmentGroups = 0
  #end: number
  #written: number
  #durable: number
  #busy = false

  constructor(files: SegmentFiles, appender: Appender, options: GroupWriterOptions) {
    this.#files = files
    this.#appender = appender
    this.#options = options
    this.#segment = options.previous
    this.#end = options.end
    this.#written = options.end
    this.#durable = options.end
  }

  /** Position after the last formed group. */
  get end(): number {
    return this.#end
  }
  get durable(): number {
    return this.#durable
  }
  get counts(): { groups: number; records: number; bytes: number; syncs: number } {
    return this.#counts
  }

  /** Whether a group with records of so many bytes still fits the segment. */
  fits(recordBytes: number): boolean {
    return this.#used + GROUP_HEADER_BYTES + recordBytes <= roomOf(this.#options.segmentBytes)
  }

  /** Whether the next rotation is near and its segment worth zero-filling. */
  get wantsSpare(): boolean {
    const halfFull = this.#used * 2 > roomOf(this.#options.segmentBytes)
    return halfFull && this.#used < this.#segmentGroups * ZEROED_GROUP_BYTES_MAX
  }

  get #used(): number {
    return this.#end - (this.#segment?.base ?? this.#end)
  }

  /**
   * Writes one group, and syncs it when asked. The payloads of the result are valid until the next
   * write.
   */
  async write(
    role: GroupRole,
    entries: readonly LogEntry[],
    sync: boolean,
  ): Promise<readonly LogRecord[]> {
    assert(!this.#busy, 'one group is in flight at a time')
    this.#busy = true
    const segment = this.#segment
    assert(segment !== undefined, 'a segment is open')
    const group = this.#end
    this.#end += GROUP_HEADER_BYTES + recordsBytes(entries)
    const bytes = await this.#whenRoom(() => this.#append(segment, group, role, entries, sync))
    this.#written = this.#end
    if (sync) this.#synced(this.#end)
    this.#counts.groups += 1
    this.#segmentGroups += 1
    this.#counts.records += entries.length
    this.#counts.bytes += bytes.length
    this.#busy = false
    return recordsOf(segment, this.#options.epoch, group, entries, bytes)
  }

  async #append(
    segment: OpenSegment,
    position: number,
    role: GroupRole,
    entries: readonly LogEntry[],
    sync: boolean,
  ): Promise<OwnBytes> {
    const formed = this.#encode(position, role, entries)
    const offset = offsetIn(segment, position)
    if (formed.buffer !== this.#buffer.buffer) {
      return await this.#appender.append(segment.file, offset, formed, sync)
    }
    // Where the write fails the memory is gone.
    this.#buffer = NOTHING
    const bytes = await this.#appender.append(segment.file, offset, formed, sync)
    this.#buffer = new Uint8Array(bytes.buffer)
    return bytes
  }

  /**
   * Runs a write again and again until the disk has room for it: nothing was acknowledged, and the
   * same bytes go to the same place.
   */
  async #whenRoom<T>(write: () => Promise<T>): Promise<T> {
    const { onFull } = this.#options
    for (;;) {
      try {
        return await write()
      } catch (error) {
        // After a failed sync the appender refuses everything, whatever that sync failed of.
        if (isMillraceError(error, 'MR_LOG_FAILED') || !isDiskFull(error)) throw error
        if (onFull === undefined || !(error instanceof Error)) throw error
        await onFull(error)
      }
    }
  }

  #encode(position: number, role: GroupRole, entries: readonly LogEntry[]): OwnBytes {
    if (this.#buffer.length === 0) this.#buffer = new Uint8Array(GROUP_BYTES_MAX)
    const length = GROUP_HEADER_BYTES + recordsBytes(entries)
    const small = length <= this.#buffer.length
    const target = small ? this.#buffer : new Uint8Array(length)
    const { epoch, identity } = this.#options
    const place = { position, epoch, durable: this.#durable, role, identity }
    const encoded = encodeGroup(target, place, entries)
    assert(encoded === length, 'the parts of an entry do not change while it waits')
    return target.subarray(0, length)
  }

  #synced(position: number): void {
    assert(position >= this.#durable, 'the durable watermark only grows')
    this.#durable = position
    this.#counts.syncs += 1
  }

  /** Makes durable what has been written so far. */
  async sync(): Promise<void> {
    const written = this.#written
    if (this.#segment === undefined || written === this.#durable) return
    await this.#appender.sync(this.#segment.file)
    if (written > this.#durable) this.#synced(written)
  }

  /** The next segment: begun and named, its predecessor sealed, its opening group durable. */
  async rotate(): Promise<void> {
    const old = this.#segment
    await this.sync()
    assert(this.#durable === this.#end, 'a segment begins where everything before is durable')
    const { identity, epoch } = this.#options
    const number = (old?.number ?? 0) + 1
    const base = this.#end
    const place = { number, identity, epoch, base }
    const file = await this.#whenRoom(() => this.#files.begin(this.#appender, place))
    if (old !== undefined) await this.#seal(old)
    this.#segment = { number, base, epoch, file }
    this.#segmentGroups = 0
    await this.write(GROUP_ROLE.opening, this.#opening(), true)
  }

  #opening(): readonly LogEntry[] {
    const entries = this.#options.snapshot()
    const bytes = GROUP_HEADER_BYTES + recordsBytes(entries)
    assert(bytes <= groupLimitOf(this.#options.segmentBytes), 'a snapshot fits half a segment')
    return entries
  }

  async #seal(old: OpenSegment): Promise<void> {
    const position = this.#end
    const { identity } = this.#options
    const { epoch } = old
    const place = { position, epoch, durable: position, role: GROUP_ROLE.seal, identity }
    await this.#whenRoom(() => {
      const seal = new Uint8Array(GROUP_HEADER_BYTES)
      encodeGroup(seal, place, [])
      return this.#appender.append(old.file, offsetIn(old, position), seal, true)
    })
    await this.#appender.closeFile(old.file)
  }

  /** Proves the end: everything is synced, and then a group without records says so. */
  async finish(): Promise<void> {
    await this.sync()
    await this.write(GROUP_ROLE.closing, [], true)
  }
}

const NOTHING: OwnBytes = new Uint8Array(0)

const offsetIn = (segment: { readonly base: number }, position: number): number =>
  position - segment.base + SEGMENT_HEADER_BYTES

/** The records of a group as they were written. */
function recordsOf(
  segment: OpenSegment,
  epoch: number,
  group: number,
  entries: readonly LogEntry[],
  bytes: Uint8Array,
): readonly LogRecord[] {
  let at = GROUP_HEADER_BYTES
  return entries.map((entry) => {
    const position = group + at
    const length = payloadBytes(entry)
    const start = at + RECORD_HEADER_BYTES
    at = start + length
    const offset = offsetIn(segment, position)
    const ref = { position, segment: segment.number, offset, length, epoch }
    return { ref, kind: entry.kind, payload: bytes.subarray(start, at) }
  })
}
