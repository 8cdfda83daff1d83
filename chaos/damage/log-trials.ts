/**
 * Every length and every bit of a small log, each opened by the real `openLog` on a directory in
 * memory; a sample of both on a real disk with the real host, opened a second time as well.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { isMillraceError } from '../../src/base/errors.ts'
import type { FileSystem } from '../../src/host/host.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { nodeFileSystem } from '../../src/host/node-file-system.ts'
import { openLog } from '../../wal/log.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import { diceOf, type Dice } from '../kill/dice.ts'
import { DIRECTORY, IDENTITY, SEGMENT_BYTES, writeLog, type LogBook } from './log-book.ts'
import { describe, expected, fault, OUTCOMES, outcomeOf } from './log-judge.ts'
import type { Damage, Found } from './log-judge.ts'
import { Tally } from './tally.ts'

export interface LogSettings {
  readonly seed: number
  /** Every so-manieth damage is tried; 1 tries all. */
  readonly stride: number
  /** Trials on a real disk. */
  readonly onDisk: number
  readonly scratch: string
  readonly records: number
}

const utf8 = new TextDecoder()

export async function* logTrials(settings: LogSettings): AsyncGenerator<Tally> {
  const tally = (name: string): Tally => new Tally(name, Object.values(OUTCOMES))
  for (const clean of [false, true]) {
    const dice = diceOf(settings.seed)
    const book = await writeLog(dice, { records: settings.records, lives: 3, clean })
    const end = clean ? 'closed' : 'killed'
    const cuts = tally(`log, ${end}, every length`)
    yield await cuts.timed(() => inMemory(settings, book, cuts, cutsOf(book, settings.stride)))
    // A clean end changes the last segment only.
    const first = clean ? book.segments.length - 1 : 0
    const flips = tally(`log, ${end}, every bit${clean ? ' of the last segment' : ''}`)
    yield await flips.timed(() =>
      inMemory(settings, book, flips, flipsOf(book, settings.stride, first)),
    )
    const disk = tally(`log, ${end}, lengths and bits on the disk`)
    yield await disk.timed(() => onDisk(settings, book, disk, dice))
  }
}

function* cutsOf(book: LogBook, stride: number): Generator<Damage> {
  for (const [segment, { file }] of book.segments.entries()) {
    const bytes = book.files.get(file)?.length ?? 0
    for (let at = 0; at < bytes; at += stride) yield { kind: 'cut', segment, at }
  }
}

function* flipsOf(book: LogBook, stride: number, first = 0): Generator<Damage> {
  for (const [segment, { file }] of book.segments.entries()) {
    if (segment < first) continue
    const bits = (book.files.get(file)?.length ?? 0) * 8
    for (let bit = 0; bit < bits; bit += stride) {
      yield { kind: 'flip', segment, at: Math.floor(bit / 8), bit: bit % 8 }
    }
  }
}

function damaged(bytes: Uint8Array, damage: Damage): Uint8Array {
  if (damage.kind === 'cut') return bytes.slice(0, damage.at)
  const copy = bytes.slice()
  copy[damage.at] = (copy[damage.at] ?? 0) ^ (1 << damage.bit)
  return copy
}

function judge(book: LogBook, damage: Damage, found: Found, at: string, tally: Tally): void {
  const wanted = expected(book, damage)
  tally.add(outcomeOf(book, wanted))
  const wrong = fault(wanted, found)
  if (wrong === undefined) return
  tally.violate(`${at} ${describe(book.segments[damage.segment], damage)}`, wrong)
}

async function inMemory(
  { seed }: LogSettings,
  book: LogBook,
  tally: Tally,
  damages: Iterable<Damage>,
): Promise<void> {
  for (const damage of damages) {
    const fs = new MemoryFileSystem()
    await fs.makeDirectory(DIRECTORY)
    const hit = book.segments[damage.segment]?.file
    for (const [name, bytes] of book.files) {
      const content = name === hit ? damaged(bytes, damage) : bytes
      await fs.writeFileDurably(`${DIRECTORY}/${name}`, content)
    }
    const found = await openOnce(fs, DIRECTORY, book.proven)
    judge(book, damage, found, `seed ${String(seed)}`, tally)
  }
}

async function onDisk(
  settings: LogSettings,
  book: LogBook,
  tally: Tally,
  dice: Dice,
): Promise<void> {
  const cuts = [...cutsOf(book, 1)]
  const flips = [...flipsOf(book, 1)]
  for (let trial = 0; trial < settings.onDisk; trial++) {
    const damage = dice.pick(trial % 2 === 0 ? cuts : flips)
    const directory = join(settings.scratch, 'log')
    await rm(directory, { recursive: true, force: true })
    await mkdir(directory, { recursive: true })
    const hit = book.segments[damage.segment]?.file
    for (const [name, bytes] of book.files) {
      await writeFile(join(directory, name), name === hit ? damaged(bytes, damage) : bytes)
    }
    const first = await openOnce(nodeFileSystem, directory, book.proven)
    const at = `seed ${String(settings.seed)} on disk`
    judge(book, damage, first, at, tally)
    const second = await openOnce(nodeFileSystem, directory, book.proven)
    if (sameAgain(first, second)) continue
    tally.violate(`${at} ${describe(book.segments[damage.segment], damage)}`, 'another second time')
  }
}

/** What one open found, another finds too; what was cut is cut for good. */
function sameAgain(first: Found, second: Found): boolean {
  if (first.kind === 'refused') return JSON.stringify(first) === JSON.stringify(second)
  if (second.kind === 'refused' || second.tornBytes > 0) return false
  return first.texts.join() === second.texts.join()
}

async function openOnce(fs: FileSystem, directory: string, provenDurable: number): Promise<Found> {
  const texts: string[] = []
  try {
    const { log, report } = await openLog(
      { fs, clock: new ManualClock() },
      {
        directory,
        identity: IDENTITY,
        segmentBytes: SEGMENT_BYTES,
        provenDurable,
        apply({ kind, payload }) {
          if (kind === RECORD_KIND.blockAddition) texts.push(utf8.decode(payload))
        },
        snapshot: () => [{ kind: RECORD_KIND.snapshot, parts: [] }],
      },
    )
    await log.close()
    return { kind: 'opened', texts, tornBytes: report.tornBytes }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    const { file, offset, lost } = error.details
    return {
      kind: 'refused',
      code: error.code,
      file: typeof file === 'string' ? file : '',
      offset: typeof offset === 'number' ? offset : -1,
      lost: typeof lost === 'string' ? lost : '',
    }
  }
}
