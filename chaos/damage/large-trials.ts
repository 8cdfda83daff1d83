/**
 * Random flips in a large directory: through the readers of records and chunks, and through whole
 * opens. What is read is right, or it is refused; nothing else.
 */
import { closeSync, linkSync, mkdirSync, openSync, readdirSync, readSync, rmSync } from 'node:fs'
import { writeSync } from 'node:fs'
import { join } from 'node:path'

import { isMillraceError } from '../../src/base/errors.ts'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import { openChunk } from '../../checkpoint/chunk.ts'
import { readRecords } from '../../checkpoint/piece.ts'
import { RecordReader } from '../../wal/reader.ts'
import { recoverLog } from '../../wal/recovery.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import { diceOf, type Dice } from '../kill/dice.ts'
import { CHUNKS, keyBytes, keysOf, nameOf, payloadOf, valueBytes } from './large-book.ts'
import { writeLarge, type LargeBook } from './large-book.ts'
import { dataFiles, HOST, IDENTITY, STORES } from './stores-book.ts'
import { Tally } from './tally.ts'

export interface LargeSettings {
  readonly seed: number
  readonly scratch: string
  readonly megabytes: number
  readonly keys: number
  readonly flips: number
  readonly opens: number
  /** No tally goes on for longer. */
  readonly secondsMax: number
}

const RIGHT = 'read, and right to the last byte'
const REFUSED = 'refused'
const MENDED = 'mended, and right to the last byte'

export async function* largeTrials(settings: LargeSettings): AsyncGenerator<Tally> {
  const book = await writeLarge(settings.scratch, settings)
  const dice = diceOf(settings.seed)
  const { flips, opens } = settings
  yield await run(settings, 'large, flips through the record reader', flips / 2, (tally) => {
    oneRecord(book, dice, tally)
  })
  yield await run(settings, 'large, flips through the chunk reader', flips / 2, (tally) => {
    oneChunk(book, dice, tally)
  })
  yield await run(settings, 'large, whole reads of a flipped log', opens / 2, (tally) =>
    wholeLog(book, dice, tally),
  )
  yield await run(settings, 'large, whole opens with a flipped store', opens / 2, (tally) =>
    wholeStores(settings, book, dice, tally),
  )
}

function run(
  { seed, secondsMax }: LargeSettings,
  name: string,
  count: number,
  trial: (tally: Tally) => Promise<void> | void,
): Promise<Tally> {
  const tally = new Tally(`${name} (seed ${String(seed)})`, [REFUSED, RIGHT, MENDED])
  const until = Date.now() + secondsMax * 1000
  return tally.timed(async () => {
    for (let i = 0; i < count; i++) {
      if (Date.now() > until) {
        tally.note(`stopped by the clock: ${String(count)} were wanted`)
        return
      }
      await trial(tally)
    }
  })
}

/** Flips one bit of a file in place; the result flips it back. */
function flipIn(path: string, at: number, bit: number): () => void {
  const flip = (): void => {
    const file = openSync(path, 'r+')
    const byte = Buffer.alloc(1)
    readSync(file, byte, 0, 1, at)
    byte[0] = (byte[0] ?? 0) ^ (1 << bit)
    writeSync(file, byte, 0, 1, at)
    closeSync(file)
  }
  flip()
  return flip
}

const segmentPath = (book: LargeBook, segment: number): string =>
  join(book.log, `${String(segment).padStart(20, '0')}.wal`)

function oneRecord(book: LargeBook, dice: Dice, tally: Tally): void {
  const serial = dice.below(book.refs.length)
  const ref = book.refs[serial]
  if (ref === undefined) return
  const at = ref.offset + dice.below(9 + ref.length)
  const place = `${segmentPath(book, ref.segment)} byte ${String(at)}`
  const back = flipIn(segmentPath(book, ref.segment), at, dice.below(8))
  const reader = new RecordReader(HOST.fs, book.log)
  try {
    const { payload } = reader.readSync(ref)
    const right = Buffer.compare(payload, payloadOf(serial)) === 0
    tally.add(RIGHT)
    tally.violate(place, right ? 'a flipped bit was not found' : 'a wrong record')
  } catch (error) {
    if (!isMillraceError(error, 'MR_LOG_DAMAGED')) throw error
    tally.add(REFUSED)
  } finally {
    back()
    void reader.close()
  }
}

function oneChunk(book: LargeBook, dice: Dice, tally: Tally): void {
  const chunk = dice.below(CHUNKS)
  const name = nameOf(chunk)
  const bytes = book.chunks.get(name) ?? new Uint8Array(0)
  const bit = dice.below(bytes.length * 8)
  const flip = (): void => {
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  }
  flip()
  try {
    const wrong = wrongInChunk(chunk, bytes, book.keys)
    tally.add(RIGHT)
    tally.violate(`${name} bit ${String(bit)}`, wrong ?? 'a flipped bit was not found')
  } catch (error) {
    if (!isMillraceError(error, 'MR_STATE_DAMAGED')) throw error
    tally.add(REFUSED)
  } finally {
    flip()
  }
}

/** Reads a chunk and holds every key and value against what they must be. */
function wrongInChunk(chunk: number, bytes: Uint8Array, keys: number): string | undefined {
  const opened = openChunk(nameOf(chunk), bytes)
  const numbers = keysOf(chunk, keys)
  let wrong: string | undefined
  readRecords(opened.name, opened.records, opened.count, (key, value) => {
    const next = numbers.next()
    if (next.done === true) wrong = 'more keys than were written'
    else if (Buffer.compare(key, keyBytes(next.value)) !== 0) wrong = 'a wrong key'
    else if (value === undefined || Buffer.compare(value, valueBytes(next.value)) !== 0) {
      wrong = 'a wrong value'
    }
  })
  return numbers.next().done === true ? wrong : 'fewer keys than were written'
}

async function wholeLog(book: LargeBook, dice: Dice, tally: Tally): Promise<void> {
  const ref = dice.pick(book.refs)
  // Group headers lie between the records: 53 bytes before one reach into its group's, if first.
  const at = ref.offset - dice.below(53) + dice.below(53 + ref.length)
  const path = segmentPath(book, ref.segment)
  const place = `${path} byte ${String(at)}`
  const back = flipIn(path, at, dice.below(8))
  let serial = 0
  let wrong = 0
  try {
    await recoverLog(HOST.fs, book.log, {
      identity: IDENTITY,
      provenDurable: book.proven,
      apply({ kind, payload }) {
        if (kind !== RECORD_KIND.blockAddition) return
        if (Buffer.compare(payload, payloadOf(serial)) !== 0) wrong += 1
        serial += 1
      },
    })
    tally.add(RIGHT)
    tally.violate(place, `opened with ${String(serial)} of ${String(book.refs.length)} records`)
  } catch (error) {
    if (!isMillraceError(error, 'MR_LOG_DAMAGED')) throw error
    tally.add(REFUSED)
    const file = error.details['file']
    if (file !== path) tally.violate(place, `the place is ${String(file)}`)
  } finally {
    back()
  }
  if (wrong > 0) tally.violate(place, `${String(wrong)} wrong records`)
}

async function wholeStores(
  { scratch }: LargeSettings,
  book: LargeBook,
  dice: Dice,
  tally: Tally,
): Promise<void> {
  const directory = join(scratch, 'large-copy')
  rmSync(directory, { recursive: true, force: true })
  for (const store of STORES) {
    mkdirSync(join(directory, store), { recursive: true })
    for (const name of readdirSync(join(book.stores, store))) {
      if (name.startsWith('LO')) continue
      linkSync(join(book.stores, store, name), join(directory, store, name))
    }
  }
  const path = join(directory, dice.pick(STORES))
  const [name, bytes] = dice.pick([...(await dataFiles(path))])
  const at = dice.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << dice.below(8))
  rmSync(join(path, name))
  await HOST.fs.writeFileDurably(join(path, name), bytes)
  const place = `${path}/${name} byte ${String(at)}`
  const { checkpoint, report } = await openCheckpoint(HOST, {
    directory,
    identity: IDENTITY,
    create: false,
  })
  tally.add(report.stores.every(({ state }) => state === 'ok') ? RIGHT : MENDED)
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const value = await checkpoint.get(nameOf(chunk))
    if (value === undefined) tally.violate(place, `${nameOf(chunk)} is gone`)
    else {
      const wrong = wrongInChunk(chunk, value, book.keys)
      if (wrong !== undefined) tally.violate(place, wrong)
    }
  }
  await checkpoint.close()
}
