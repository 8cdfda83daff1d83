/**
 * The files of a log: which segments are kept, which spare files wait for the next rotation, and
 * the order of the steps by which one becomes the other.
 *
 *   sparse or zero-filled file ─┐
 *                               ├─► spare (*.free) ─ header, sync ─ rename, sync ─► segment (*.wal)
 *   released segment ───────────┘◄─────────── rename, sync ───────────────────────────┘
 *
 * Invariants: a `.wal` name is given only to a file whose header is durable (its reader: `scan.ts`
 * takes a bad header for damage); segments leave from the oldest on, one durable step each, so
 * numbers never have a hole.
 * A crash at any line leaves `.free` files more or less, which mean nothing: those of another size
 * are removed at the next open.
 */
import { messageOf } from '../src/base/errors.ts'
import type { Appender, FileSystem } from '../src/host/host.ts'
import { SEGMENT_HEADER_BYTES, SPARE_SEGMENTS_MAX, ZERO_PIECE_BYTES } from './limits.ts'
import { decodeSegmentHeader, encodeSegmentHeader } from './segment-format.ts'
import { segmentName, spareName, spareOriginOf } from './segment-format.ts'
import type { SegmentHeader, SpareOrigin } from './segment-format.ts'

export interface KeptSegment {
  readonly number: number
  readonly base: number
  readonly epoch: number
  /** Size of the file. */
  readonly bytes: number
}

interface Spare {
  readonly name: string
  readonly origin: SpareOrigin
}

export class SegmentFiles {
  readonly #fs: FileSystem
  readonly #directory: string
  readonly #segmentBytes: number
  readonly #kept: KeptSegment[]
  readonly #spares: Spare[] = []
  #preparing: Promise<void> | undefined
  #releasing: Promise<void> = Promise.resolve()
  /** Bases of segments that somebody copies: what begins there or later stays. */
  readonly #holds = new Set<{ readonly base: number }>()
  /** The largest position that was given up. */
  #givenUp = 0
  #sparesMade = 0
  #stopped = false
  #sparesFailed = 0
  #lastFailure = ''

  constructor(
    fs: FileSystem,
    directory: string,
    segmentBytes: number,
    kept: readonly KeptSegment[],
  ) {
    this.#fs = fs
    this.#directory = directory
    this.#segmentBytes = segmentBytes
    this.#kept = [...kept]
  }

  get kept(): readonly KeptSegment[] {
    return this.#kept
  }

  /** How many spares could not be prepared, and the last reason. */
  get spareFailures(): { readonly count: number; readonly last: string } {
    return { count: this.#sparesFailed, last: this.#lastFailure }
  }

  path(number: number): string {
    return `${this.#directory}/${segmentName(number)}`
  }

  /**
   * Takes stock of the spares a former life left; those of another size are of no use. A recycled
   * one is taken only if it was written under an older epoch: beside segments that were restored
   * from a backup may lie a spare of this very epoch, whose records would pass for new ones.
   */
  async adoptSpares(epoch: number): Promise<void> {
    for (const name of (await this.#fs.list(this.#directory)) ?? []) {
      const origin = spareOriginOf(name)
      if (origin === undefined) continue
      const path = `${this.#directory}/${name}`
      const stat = await this.#fs.stat(path)
      const useful = stat?.bytes === this.#segmentBytes && this.#spares.length < SPARE_SEGMENTS_MAX
      if (useful && (origin === 'zeroed' || (await this.#isOlder(path, epoch))))
        this.#spares.push({ name, origin })
      else await this.#fs.unlink(path)
      if (origin === 'zeroed') this.#sparesMade = Math.max(this.#sparesMade, numberIn(name))
    }
  }

  async #isOlder(path: string, epoch: number): Promise<boolean> {
    const file = await this.#fs.openRead(path)
    try {
      const decoded = decodeSegmentHeader(await file.read(0, SEGMENT_HEADER_BYTES))
      return decoded.kind === 'header' && decoded.header.epoch < epoch
    } finally {
      await file.close()
    }
  }

  /**
   * Begins a segment and returns its number at the appender, which holds it open. All of it is
   * durable. After a failure it may be begun again: the spare is one still.
   */
  async begin(appender: Appender, place: Omit<SegmentHeader, 'zeroed'>): Promise<number> {
    if (this.#spares.length === 0) await this.#preparing
    const spare = this.#spares.shift() ?? (await this.#makeSparse())
    const path = `${this.#directory}/${spare.name}`
    const header = encodeSegmentHeader({ ...place, zeroed: spare.origin === 'zeroed' })
    const file = await appender.open(path)
    try {
      await appender.append(file, 0, header, true)
      await this.#fs.rename(path, this.path(place.number))
    } catch (error) {
      this.#spares.unshift(spare)
      await appender.closeFile(file)
      throw error
    }
    await this.#fs.syncDirectory(this.#directory)
    const { number, base, epoch } = place
    this.#kept.push({ number, base, epoch, bytes: this.#segmentBytes })
    return file
  }

  /**
   * Without a spare: a file of holes. Its syncs cost more, but a short life never pays for 64 MiB
   * of zeros.
   */
  async #makeSparse(): Promise<Spare> {
    const name = this.#nextName()
    const file = await this.#fs.create(`${this.#directory}/${name}`)
    try {
      await file.truncate(this.#segmentBytes)
    } finally {
      await file.close()
    }
    return { name, origin: 'zeroed' }
  }

  #nextName(): string {
    this.#sparesMade += 1
    return spareName('zeroed', this.#sparesMade)
  }

  /**
   * Sees to it that a spare will be there. Runs aside; a failure is counted and left to the
   * rotation to meet.
   */
  prepare(): void {
    if (this.#stopped || this.#preparing !== undefined || this.#spares.length > 0) return
    this.#preparing = this.#fillSpare()
      .catch((error: unknown) => {
        this.#sparesFailed += 1
        this.#lastFailure = messageOf(error)
      })
      .finally(() => {
        this.#preparing = undefined
      })
  }

  async #fillSpare(): Promise<void> {
    const name = this.#nextName()
    const path = `${this.#directory}/${name}`
    try {
      if (await this.#zeroFill(path)) this.#spares.push({ name, origin: 'zeroed' })
      else await this.#fs.unlink(path)
    } catch (error) {
      await this.#fs.remove(path)
      throw error
    }
  }

  /** False when the log was closed meanwhile. */
  async #zeroFill(path: string): Promise<boolean> {
    const file = await this.#fs.create(path)
    try {
      const zeros = new Uint8Array(Math.min(ZERO_PIECE_BYTES, this.#segmentBytes))
      for (let at = 0; at < this.#segmentBytes; at += zeros.length) {
        if (this.#stopped) return false
        await file.write(at, zeros.subarray(0, Math.min(zeros.length, this.#segmentBytes - at)))
        await file.sync()
      }
      return true
    } finally {
      await file.close()
    }
  }

  /**
   * Drops the segments before the last one whose base is at or below `position`. One release at a
   * time.
   */
  release(position: number): Promise<void> {
    this.#givenUp = Math.max(this.#givenUp, position)
    const released = this.#releasing.then(() => this.#releaseBelow(this.#free))
    this.#releasing = released.catch(() => undefined)
    return released
  }

  get #free(): number {
    return Math.min(this.#givenUp, ...[...this.#holds].map(({ base }) => base))
  }

  /** The segments kept now stay until the returned function is called. */
  async hold(): Promise<{
    readonly segments: readonly KeptSegment[]
    readonly letGo: () => Promise<void>
  }> {
    await this.#releasing
    const segments = [...this.#kept]
    const hold = { base: segments[0]?.base ?? 0 }
    this.#holds.add(hold)
    const letGo = async (): Promise<void> => {
      if (this.#holds.delete(hold) && !this.#stopped) await this.release(this.#givenUp)
    }
    return { segments, letGo }
  }

  async #releaseBelow(position: number): Promise<void> {
    const first = this.#kept.findLastIndex((segment) => segment.base <= position)
    for (let i = 0; i < first; i++) {
      const oldest = this.#kept[0]
      if (oldest === undefined) return
      await this.#retire(oldest)
      this.#kept.shift()
    }
  }

  async #retire({ number, bytes }: KeptSegment): Promise<void> {
    const recycle = bytes === this.#segmentBytes && this.#spares.length < SPARE_SEGMENTS_MAX
    const name = spareName('recycled', number)
    if (recycle) await this.#fs.rename(this.path(number), `${this.#directory}/${name}`)
    else await this.#fs.unlink(this.path(number))
    await this.#fs.syncDirectory(this.#directory)
    if (recycle) this.#spares.push({ name, origin: 'recycled' })
  }

  /** Waits for what runs aside. */
  async close(): Promise<void> {
    this.#stopped = true
    await this.#preparing
    await this.#releasing
  }
}

const numberIn = (name: string): number => Number(/\d+/.exec(name)?.[0] ?? 0)
