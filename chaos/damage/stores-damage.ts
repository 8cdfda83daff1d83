/** What can happen to a store, as data: a file cut or flipped, or the whole store at once. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Dice } from '../kill/dice.ts'
import { STORES, type StoreName, type StoresBook } from './stores-book.ts'

export type StoreDamage =
  | { readonly kind: 'cut'; readonly store: StoreName; readonly file: string; readonly at: number }
  | { readonly kind: 'flip'; readonly store: StoreName; readonly file: string; readonly at: number }
  | { readonly kind: 'gone'; readonly store: StoreName; readonly file: string }
  | {
      readonly kind: 'zeros'
      readonly store: StoreName
      readonly file: string
      readonly at: number
    }
  | { readonly kind: 'emptied' | 'missing' | 'foreign' | 'a file'; readonly store: StoreName }
  | { readonly kind: 'old copy'; readonly store: StoreName; readonly from: string }

/** The bytes of a data file; empty when it has none of that name. */
const bytesOf = (book: StoresBook, store: StoreName, file: string): Uint8Array =>
  book.files.get(store)?.get(file) ?? new Uint8Array(0)

/** Does it to the copy at `directory`, whose files are links: never written in place. */
export function inflict(book: StoresBook, directory: string, damage: StoreDamage): void {
  const path = join(directory, damage.store)
  const replace = (file: string, bytes: Uint8Array): void => {
    rmSync(join(path, file))
    writeFileSync(join(path, file), bytes)
  }
  switch (damage.kind) {
    case 'cut':
      replace(damage.file, bytesOf(book, damage.store, damage.file).subarray(0, damage.at))
      return
    case 'flip': {
      const bytes = bytesOf(book, damage.store, damage.file).slice()
      const byte = damage.at >> 3
      bytes[byte] = (bytes[byte] ?? 0) ^ (1 << (damage.at & 7))
      replace(damage.file, bytes)
      return
    }
    case 'zeros':
      replace(damage.file, bytesOf(book, damage.store, damage.file).slice().fill(0, damage.at))
      return
    case 'gone':
      rmSync(join(path, damage.file))
      return
    default:
      replaceStore(book, path, damage)
  }
}

function replaceStore(
  book: StoresBook,
  path: string,
  damage: Extract<StoreDamage, { kind: 'emptied' | 'missing' | 'foreign' | 'a file' | 'old copy' }>,
): void {
  rmSync(path, { recursive: true })
  switch (damage.kind) {
    case 'missing':
      return
    case 'emptied':
      mkdirSync(path)
      return
    case 'a file':
      writeFileSync(path, 'not a directory\n')
      return
    case 'foreign':
      cpSync(join(book.foreign, damage.store), path, { recursive: true })
      return
    case 'old copy':
      cpSync(join(damage.from, damage.store), path, { recursive: true })
  }
}

/** Every bit and every length of every file that is small enough. */
export function* exhaustive(book: StoresBook, bytesMax: number): Generator<StoreDamage> {
  for (const [store, files] of book.files) {
    for (const [file, bytes] of files) {
      if (bytes.length > bytesMax) continue
      for (let at = 0; at < bytes.length * 8; at++) yield { kind: 'flip', store, file, at }
      for (let at = 0; at < bytes.length; at++) yield { kind: 'cut', store, file, at }
    }
  }
}

/** Each whole-store damage, each file gone, each file's tail zeroed, each older commit put back. */
export function* wholesale(book: StoresBook): Generator<StoreDamage> {
  for (const store of STORES) {
    for (const kind of ['emptied', 'missing', 'foreign', 'a file'] as const) yield { kind, store }
    for (const from of book.older) yield { kind: 'old copy', store, from }
    for (const [file, bytes] of book.files.get(store) ?? []) {
      yield { kind: 'gone', store, file }
      for (const part of [0, 0.25, 0.5, 0.75]) {
        yield { kind: 'zeros', store, file, at: Math.floor(bytes.length * part) }
      }
    }
  }
}

/** A bit or a length of one store, each byte of its files as likely as any other. */
export function sampled(
  book: StoresBook,
  dice: Dice,
  kind: 'cut' | 'flip',
  store: StoreName = dice.pick(STORES),
): StoreDamage {
  const files = [...(book.files.get(store) ?? [])]
  const total = files.reduce((sum, [, bytes]) => sum + bytes.length, 0)
  let at = dice.below(total)
  for (const [file, bytes] of files) {
    if (at < bytes.length) {
      return { kind, store, file, at: kind === 'cut' ? at : at * 8 + dice.below(8) }
    }
    at -= bytes.length
  }
  throw new RangeError('a store without files')
}

export function describe(damage: StoreDamage): string {
  const { kind, store } = damage
  if ('file' in damage) {
    const at = 'at' in damage ? ` at ${kind === 'flip' ? 'bit' : 'byte'} ${String(damage.at)}` : ''
    return `${store}/${damage.file}: ${kind}${at}`
  }
  return 'from' in damage ? `${store}: ${kind} of ${damage.from}` : `${store}: ${kind}`
}
