/**
 * One file of the simulated disk: what the page cache holds, and what of it lies on the platter.
 *
 *   bytes    what every reader of this life sees
 *   dirty    sectors the platter holds otherwise; each with the platter's content
 *   lost     the same, but the kernel takes them for clean: a sync of them failed
 *
 * A crash keeps any choice of dirty sectors, none of the lost ones, and the length of before or of
 * after, with zeros where nothing was written. A process that is killed loses nothing of it.
 */
import { assert } from '../../src/base/assert.ts'
import type { Dice } from '../kill/dice.ts'

const SECTOR = 512
const PAGE = 4096
/** The platter holds nothing there, or zeros. */
const NOTHING = new Uint8Array(0)

export class Inode {
  readonly kind = 'file'
  readonly id: number
  modifiedMs: number
  length = 0
  #bytes = new Uint8Array(0)
  #durableLength = 0
  readonly #dirty = new Map<number, Uint8Array>()
  readonly #lost = new Map<number, Uint8Array>()
  /** Pages that take room on the disk. */
  readonly #pages = new Set<number>()

  constructor(id: number, modifiedMs: number) {
    this.id = id
    this.modifiedMs = modifiedMs
  }

  get usedBytes(): number {
    return this.#pages.size * PAGE
  }

  clone(): Inode {
    const copy = new Inode(this.id, this.modifiedMs)
    copy.length = this.length
    copy.#bytes = this.#bytes.slice()
    copy.#durableLength = this.#durableLength
    for (const [at, bytes] of this.#dirty) copy.#dirty.set(at, bytes)
    for (const [at, bytes] of this.#lost) copy.#lost.set(at, bytes)
    for (const page of this.#pages) copy.#pages.add(page)
    return copy
  }

  read(position: number, length: number): Uint8Array {
    const end = Math.max(position, Math.min(position + length, this.length))
    const bytes = new Uint8Array(end - position)
    bytes.set(this.#bytes.subarray(position, Math.min(end, this.#bytes.length)))
    return bytes
  }

  /** How many bytes of a write find room, when `freePages` are left. */
  fitting(position: number, length: number, freePages: number): number {
    let left = freePages
    for (let page = Math.floor(position / PAGE); page * PAGE < position + length; page++) {
      if (this.#pages.has(page)) continue
      if (left === 0) return Math.max(0, page * PAGE - position)
      left -= 1
    }
    return length
  }

  write(position: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    this.#touch(position, end)
    this.#reserve(end)
    this.#bytes.set(bytes, position)
    for (let page = Math.floor(position / PAGE); page * PAGE < end; page++) this.#pages.add(page)
    this.length = Math.max(this.length, end)
  }

  truncate(length: number): void {
    if (length < this.length) {
      this.#touch(length, this.length)
      this.#bytes.fill(0, length)
      for (const page of [...this.#pages]) if (page * PAGE >= length) this.#pages.delete(page)
    } else this.#reserve(length)
    this.length = length
  }

  sync(): void {
    this.#dirty.clear()
    this.#durableLength = this.length
  }

  /** EIO: some pages reached the platter, the others never will, and all are clean. */
  failSync(dice: Dice): void {
    for (const [at, bytes] of this.#dirty) if (dice.next() < 0.6) this.#lost.set(at, bytes)
    this.#dirty.clear()
    if (dice.next() < 0.5) this.#durableLength = this.length
  }

  /** Bit rot at rest. */
  flip(bit: number): void {
    const at = bit >> 3
    this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (1 << (bit & 7))
  }

  /** What the drive does by itself: cache and platter hold it at once. */
  rewrite(position: number, bytes: Uint8Array): void {
    assert(position + bytes.length <= this.length, 'a rewrite stays within the file')
    this.#reserve(position + bytes.length)
    this.#bytes.set(bytes, position)
    for (const platter of [this.#dirty, this.#lost]) {
      for (const [sector, old] of platter) {
        const at = sector * SECTOR
        const [from, to] = [Math.max(at, position), Math.min(at + SECTOR, position + bytes.length)]
        if (from >= to) continue
        const now = new Uint8Array(Math.max(old.length, to - at))
        now.set(old)
        now.set(bytes.subarray(from - position, to - position), from - at)
        platter.set(sector, now)
      }
    }
  }

  /** The power goes. */
  crash(dice: Dice): void {
    const length = this.#lengthAfter(dice)
    const survives = survival(dice, [...this.#dirty.keys()])
    this.#reserve(Math.max(length, this.length))
    for (const [at, bytes] of this.#dirty) if (!survives(at)) this.#restore(at, bytes)
    for (const [at, bytes] of this.#lost) this.#restore(at, bytes)
    this.#bytes.fill(0, length)
    this.#dirty.clear()
    this.#lost.clear()
    this.length = length
    this.#durableLength = length
  }

  get isClean(): boolean {
    return this.#dirty.size + this.#lost.size === 0 && this.length === this.#durableLength
  }

  #lengthAfter(dice: Dice): number {
    if (this.length === this.#durableLength) return this.length
    const kind = dice.below(3)
    if (kind === 0) return this.#durableLength
    if (kind === 1) return this.length
    const [low, high] = [this.#durableLength, this.length].sort((a, b) => a - b)
    return (low ?? 0) + dice.below((high ?? 0) - (low ?? 0) + 1)
  }

  #restore(sector: number, bytes: Uint8Array): void {
    const at = sector * SECTOR
    this.#bytes.fill(0, at, at + SECTOR)
    if (at + bytes.length > this.#bytes.length) this.#reserve(at + bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Remembers what the platter holds of the sectors that are about to change. */
  #touch(from: number, to: number): void {
    for (let sector = Math.floor(from / SECTOR); sector * SECTOR < to; sector++) {
      if (this.#dirty.has(sector)) continue
      const at = sector * SECTOR
      const lost = this.#lost.get(sector)
      this.#lost.delete(sector)
      const written = Math.min(this.#durableLength, this.#bytes.length)
      const old = at >= written ? NOTHING : this.#bytes.slice(at, Math.min(at + SECTOR, written))
      this.#dirty.set(sector, lost ?? old)
    }
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const grown = new Uint8Array(
      Math.max(length, Math.min(this.#bytes.length * 2, length + 65_536)),
    )
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/** Which sectors reached the platter: none, all, any, or the first or last ones, by 512 or 4096. */
function survival(dice: Dice, sectors: readonly number[]): (sector: number) => boolean {
  const unit = dice.next() < 0.5 ? 1 : PAGE / SECTOR
  const at = (sector: number): number => Math.floor(sector / unit)
  const pivot = at(sectors[dice.below(sectors.length)] ?? 0)
  const share = dice.next()
  const fates = new Map<number, boolean>()
  switch (dice.below(6)) {
    case 0:
      return () => false
    case 1:
      return () => true
    case 2:
      return (sector) => at(sector) < pivot
    case 3:
      return (sector) => at(sector) >= pivot
    default:
      return (sector) => {
        const fate = fates.get(at(sector)) ?? dice.next() < share
        fates.set(at(sector), fate)
        return fate
      }
  }
}
