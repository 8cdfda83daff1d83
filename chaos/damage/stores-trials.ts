/**
 * Damage to one store must cost nothing: no refusal, no wrong value, and a report. Damage to both
 * must never be served: refused with every file as it was, or right. The judge holds what is read
 * against what it wrote; that a checkpoint fell back as a whole is the log's to notice, by the
 * receipt of the newest commit.
 */
import { createHash } from 'node:crypto'
import { existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

import { isMillraceError } from '../../src/base/errors.ts'
import { checkAgreement } from '../../src/engine/agreement.ts'
import { openCheckpoint } from '../../checkpoint/checkpoint.ts'
import { diceOf, type Dice } from '../kill/dice.ts'
import { HOST, IDENTITY, STORES, writeStores, type StoresBook } from './stores-book.ts'
import { describe, exhaustive, inflict, sampled, type StoreDamage } from './stores-damage.ts'
import { wholesale } from './stores-damage.ts'
import { Tally } from './tally.ts'

export interface StoresSettings {
  readonly seed: number
  readonly scratch: string
  /** Every so-manieth of the exhaustive damages; 1 tries all. */
  readonly stride: number
  readonly bits: number
  readonly cuts: number
  readonly pairs: number
  /** No tally goes on for longer. */
  readonly secondsMax: number
}

const EXHAUSTIVE_BYTES_MAX = 4096
/** Every so-manieth directory is opened again, and a refused one held against what it was. */
const AGAIN = 16
const LANES = 3

const SMALL = { lives: 3, commits: 3, keys: 10, puts: 4, valueBytes: 40 }
const LARGER = { lives: 2, commits: 4, keys: 400, puts: 80, valueBytes: 3000 }

const OPENED = {
  ok: 'opened: the damage is in bytes nobody reads',
  behind: 'opened: one commit was lost there and mended',
  damaged: 'opened: the store was set aside and made again',
  missing: 'opened: the store was made again',
} as const
const REFUSED = 'refused, every file as it was'
const FELL_BACK = 'refused: the log has the receipt of a newer commit'

export async function* storesTrials(settings: StoresSettings): AsyncGenerator<Tally> {
  const { seed, scratch } = settings
  const dice = diceOf(seed)
  for (const rested of [false, true]) {
    const end = rested ? 'rested' : 'killed'
    const small = await writeStores(join(scratch, `small-${end}`), dice, { ...SMALL, rested })
    const larger = await writeStores(join(scratch, `large-${end}`), dice, { ...LARGER, rested })
    const name = (text: string): string => `stores, ${end}, ${text}`
    yield await one(settings, name('one wholly'), small, wholesale(small))
    yield await one(settings, name('one larger wholly'), larger, wholesale(larger))
    const all = strided(exhaustive(small, EXHAUSTIVE_BYTES_MAX), settings.stride)
    yield await one(settings, name('one, every bit and every length'), small, all)
    const bits = times(settings.bits / 2, () => sampled(larger, dice, 'flip'))
    yield await one(settings, name('one larger, sampled bits'), larger, bits)
    const cuts = times(settings.cuts / 2, () => sampled(larger, dice, 'cut'))
    yield await one(settings, name('one larger, sampled lengths'), larger, cuts)
    yield await both(settings, name('both, sampled pairs'), small, dice)
    yield await both(settings, name('both larger, sampled pairs'), larger, dice)
  }
}

function* strided<T>(list: Iterable<T>, stride: number): Generator<T> {
  let i = 0
  for (const item of list) if (i++ % stride === 0) yield item
}

function* times<T>(count: number, make: () => T): Generator<T> {
  for (let i = 0; i < count; i++) yield make()
}

/** Runs the trials in a few lanes until they, or the time, are over. */
async function inLanes(
  { scratch, secondsMax }: StoresSettings,
  tally: Tally,
  damages: Iterator<readonly StoreDamage[]>,
  trial: (directory: string, damages: readonly StoreDamage[], serial: number) => Promise<void>,
): Promise<Tally> {
  const until = Date.now() + secondsMax * 1000
  let serial = 0
  const lane = async (_: unknown, number: number): Promise<void> => {
    const directory = join(scratch, `lane-${String(number)}`)
    for (let next = damages.next(); next.done !== true; next = damages.next()) {
      if (Date.now() > until) {
        tally.note('stopped by the clock before the end')
        return
      }
      await trial(directory, next.value, serial++)
    }
  }
  return tally.timed(async () => {
    await Promise.all(Array.from({ length: LANES }, lane))
  })
}

function one(
  settings: StoresSettings,
  name: string,
  book: StoresBook,
  damages: Iterable<StoreDamage>,
): Promise<Tally> {
  const tally = new Tally(name, Object.values(OPENED))
  const single = (function* () {
    for (const damage of damages) yield [damage]
  })()
  return inLanes(settings, tally, single, async (directory, list, serial) => {
    const place = `seed ${String(settings.seed)} ${list.map(describe).join(' and ')}`
    prepare(book, directory, list)
    const first = await openOnce(book, directory)
    if (first.kind === 'refused') {
      tally.add('refused')
      tally.violate(place, `refused: ${first.why}`)
      return
    }
    const hit = first.states[STORES.indexOf(list[0]?.store ?? 'checkpoint-a')] ?? 'ok'
    tally.add(OPENED[hit])
    const wrong = first.kind === 'opened' ? first.wrong : 'it fell back to an older commit'
    if (wrong !== undefined) tally.violate(place, wrong)
    if (serial % AGAIN !== 0) return
    const second = await openOnce(book, directory)
    const whole = second.kind === 'opened' && second.wrong === undefined
    if (!whole || second.states.join() !== 'ok,ok') tally.violate(place, 'not whole after mending')
  })
}

function both(
  settings: StoresSettings,
  name: string,
  book: StoresBook,
  dice: Dice,
): Promise<Tally> {
  const tally = new Tally(name, [...Object.values(OPENED), REFUSED, FELL_BACK])
  const kind = (): 'cut' | 'flip' => (dice.below(4) === 0 ? 'cut' : 'flip')
  const pairs = times(settings.pairs, () => STORES.map((at) => sampled(book, dice, kind(), at)))
  return inLanes(settings, tally, pairs, async (directory, list, serial) => {
    const place = `seed ${String(settings.seed)} ${list.map(describe).join(' and ')}`
    prepare(book, directory, list)
    const before = serial % AGAIN === 0 ? fingerprint(directory) : undefined
    const found = await openOnce(book, directory)
    switch (found.kind) {
      case 'refused':
        tally.add(REFUSED)
        if (before !== undefined && fingerprint(directory) !== before) {
          tally.violate(place, 'refused, and files were changed')
        }
        return
      case 'fell back':
        tally.add(FELL_BACK)
        return
      case 'opened':
        tally.add(OPENED[worst(found.states)])
        if (found.wrong !== undefined) tally.violate(place, found.wrong)
    }
  })
}

type State = keyof typeof OPENED
const worst = (states: readonly State[]): State =>
  (['damaged', 'missing', 'behind'] as const).find((state) => states.includes(state)) ?? 'ok'

/** A copy of links: LevelDB never writes to a file of an earlier run. */
function prepare(book: StoresBook, directory: string, damages: readonly StoreDamage[]): void {
  rmSync(directory, { recursive: true, force: true })
  for (const store of STORES) {
    const path = join(directory, store)
    mkdirSync(path, { recursive: true })
    for (const file of book.files.get(store)?.keys() ?? []) {
      linkSync(join(book.newest, store, file), join(path, file))
    }
  }
  for (const damage of damages) inflict(book, directory, damage)
}

type Found =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'fell back'; readonly states: readonly State[] }
  | {
      readonly kind: 'opened'
      readonly states: readonly State[]
      readonly wrong: string | undefined
    }

async function openOnce(book: StoresBook, directory: string): Promise<Found> {
  try {
    const { checkpoint, report } = await openCheckpoint(HOST, {
      directory,
      identity: IDENTITY,
      create: false,
    })
    try {
      const states = report.stores.map(({ state }) => state)
      if (!agrees(checkpoint.root, book)) return { kind: 'fell back', states }
      const seen = new Map<string, string>()
      for await (const [key, value] of checkpoint.entries('')) seen.set(key, text.decode(value))
      const silent = report.stores.find(({ state, why }) => state !== 'ok' && why.length === 0)
      const wrong = silent === undefined ? difference(book, seen) : `no report of ${silent.name}`
      return { kind: 'opened', states, wrong }
    } finally {
      await checkpoint.close()
    }
  } catch (error) {
    if (!isMillraceError(error)) throw error
    return { kind: 'refused', why: `${error.code} ${error.message}` }
  }
}

const text = new TextDecoder()

/** What the driver asks before it goes on: the newest receipt of the log against the root. */
function agrees(root: Parameters<typeof checkAgreement>[0], book: StoresBook): boolean {
  try {
    checkAgreement(root, { cleanup: book.receipt })
    return true
  } catch (error) {
    if (isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) return false
    throw error
  }
}

function difference(book: StoresBook, seen: ReadonlyMap<string, string>): string | undefined {
  for (const [key, value] of book.contents) {
    if (seen.get(key) !== value) return `a wrong value of '${key}'`
  }
  return seen.size === book.contents.size ? undefined : 'more entries than were written'
}

/** Equal only when every file has the same bytes; LOCK and LOG are LevelDB's own notes. */
function fingerprint(directory: string): string {
  const hash = createHash('sha256')
  for (const name of readdirSync(directory).sort()) {
    hash.update(`${name}\n`)
    const path = join(directory, name)
    if (!existsSync(path)) continue
    for (const file of readdirSync(path).sort()) {
      if (/^(LOCK|LOG|LOG\.old)$/.test(file)) continue
      hash.update(`${file}\n`).update(readFileSync(join(path, file)))
    }
  }
  return hash.digest('hex')
}
