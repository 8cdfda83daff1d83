/**
 * Writes a log and keeps a book of it: what was written, where the log said it lies, and the
 * grammar of wal/README.md restated in four numbers. The judge knows the log by this book alone and
 * decodes nothing.
 */
import { ManualClock } from '../../src/host/manual-clock.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import type { Log } from '../../wal/contract.ts'
import { openLog } from '../../wal/log.ts'
import { RECORD_KIND, type RecordRef } from '../../wal/record.ts'
import type { Dice } from '../kill/dice.ts'

export const DIRECTORY = '/data/log'
export const IDENTITY = Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i)
export const SEGMENT_BYTES = 16 * 1024
export const SEGMENT_HEADER = 4096
const GROUP_HEADER = 44
const RECORD_HEADER = 9

/** One write: a group with its records, or one that only opens or closes a segment. */
export interface Item {
  /** Offsets in the file. */
  readonly from: number
  readonly to: number
  readonly texts: readonly string[]
}

export interface BookSegment {
  readonly number: number
  readonly file: string
  /** Position of the first byte behind the header. */
  readonly base: number
  readonly items: Item[]
}

export interface LogBook {
  readonly segments: readonly BookSegment[]
  /** Every file of the directory as it was at the end. */
  readonly files: ReadonlyMap<string, Uint8Array>
  readonly texts: readonly string[]
  /** What the checkpoint's roots would say is durable. */
  readonly proven: number
}

export const positionOf = (segment: BookSegment, offset: number): number =>
  segment.base + offset - SEGMENT_HEADER

/** The offset where the next segment takes over; undefined in the last one. */
export function usedOf(book: LogBook, index: number): number | undefined {
  const segment = book.segments[index]
  const next = book.segments[index + 1]
  if (segment === undefined || next === undefined) return undefined
  return next.base - segment.base + SEGMENT_HEADER
}

class Writer {
  readonly segments: BookSegment[] = []
  readonly texts: string[] = []
  readonly #dice: Dice
  #serial = 0

  constructor(dice: Dice) {
    this.#dice = dice
  }

  text(): string {
    this.#serial += 1
    const length = this.#dice.below(10) === 0 ? 0 : this.#dice.below(90)
    return `${String(this.#serial)}:${'x'.repeat(length)}`
  }

  async group(log: Log, count: number): Promise<void> {
    const texts = Array.from({ length: count }, () => this.text())
    const kind = RECORD_KIND.blockAddition
    const refs = await log.appendAll(
      texts.map((text) => ({ kind, parts: [new TextEncoder().encode(text)] })),
    )
    const [first] = refs
    if (first === undefined) throw new Error('a group has records')
    this.#segmentOf(first).items.push(itemAt(first, texts))
    this.texts.push(...texts)
  }

  /** A segment begins with a group of its own, which lies before the first of ours. */
  #segmentOf(first: RecordRef): BookSegment {
    const known = this.segments.at(-1)
    if (known?.number === first.segment) return known
    const segment = {
      number: first.segment,
      file: `${String(first.segment).padStart(20, '0')}.wal`,
      base: first.position - first.offset + SEGMENT_HEADER,
      items: [{ from: SEGMENT_HEADER, to: first.offset - GROUP_HEADER, texts: [] }],
    }
    this.segments.push(segment)
    return segment
  }

  closed(): void {
    const items = this.segments.at(-1)?.items
    const from = items?.at(-1)?.to ?? 0
    items?.push({ from, to: from + GROUP_HEADER, texts: [] })
  }
}

function itemAt(first: RecordRef, texts: readonly string[]): Item {
  const from = first.offset - GROUP_HEADER
  const bytes = texts.reduce((sum, text) => sum + RECORD_HEADER + text.length, GROUP_HEADER)
  return { from, to: from + bytes, texts }
}

export interface LogWish {
  readonly records: number
  readonly lives: number
  /** Whether the last life ends as it should, or at a kill -9. */
  readonly clean: boolean
}

/** The last commit lies some records before the end of the last life. */
export async function writeLog(dice: Dice, wish: LogWish): Promise<LogBook> {
  const fs = new MemoryFileSystem()
  const writer = new Writer(dice)
  let proven = 0
  for (let life = 1; life <= wish.lives; life++) {
    const { log } = await openAt(fs)
    const until = Math.floor((wish.records * life) / wish.lives)
    while (writer.texts.length < until) {
      await writer.group(log, dice.below(8) === 0 ? 1 + dice.below(6) : 1)
      if (writer.texts.length < until - 12) proven = log.durable
    }
    const last = life === wish.lives
    if (last && !wish.clean) break
    if (last) proven = log.durable
    await log.close()
    writer.closed()
  }
  const files = new Map<string, Uint8Array>()
  for (const name of (await fs.list(DIRECTORY)) ?? []) {
    files.set(name, await fs.readFile(`${DIRECTORY}/${name}`))
  }
  return { segments: writer.segments, files, texts: writer.texts, proven }
}

async function openAt(fs: MemoryFileSystem): ReturnType<typeof openLog> {
  return openLog(
    { fs, clock: new ManualClock() },
    {
      directory: DIRECTORY,
      identity: IDENTITY,
      segmentBytes: SEGMENT_BYTES,
      apply: () => undefined,
      snapshot: () => [{ kind: RECORD_KIND.snapshot, parts: [] }],
    },
  )
}
