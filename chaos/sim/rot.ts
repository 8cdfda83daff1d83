/**
 * Bit rot at rest, between two boots. One of two stores may rot in any bit: the other mends it. The
 * log may rot where it is proven: opening refuses, naming the place, and the bit is put back, as
 * from a backup.
 */
import type { Dice } from '../kill/dice.ts'
import type { SimDisk } from './disk.ts'
import type { Inode } from './inode.ts'

export interface Damage {
  readonly what: string
  readonly file: Inode
  readonly bit: number
  /** The engine itself has to mend it. */
  readonly isMended: boolean
  /** Whether opening may refuse with this error. */
  mayRefuse(error: string): boolean
}

const HEADER_BYTES = 4096

export function rot(disk: SimDisk, dice: Dice): Damage | undefined {
  const draw = dice.next()
  if (draw < 0.12) return inStore(disk, dice, dice.pick(['a', 'b']))
  if (draw < 0.18) return inLog(disk, dice)
  return undefined
}

function inStore(disk: SimDisk, dice: Dice, side: string): Damage | undefined {
  const files = disk.files(`/data/checkpoint-${side}`).filter(({ file }) => file.length > 0)
  if (files.length === 0) return undefined
  const { path, file } = dice.pick(files)
  const bit = dice.below(file.length * 8)
  file.flip(bit)
  const sort = path.replace(/.*\//, '').replace(/\d+/g, '')
  return { what: `bit rot in store ${sort}`, file, bit, isMended: true, mayRefuse: () => false }
}

/**
 * A segment's header is proven as soon as the segment has its name; below the last segment all is,
 * but what lies behind the last group.
 */
function inLog(disk: SimDisk, dice: Dice): Damage | undefined {
  const segments = disk.files('/data/log').filter(({ path }) => path.endsWith('.wal'))
  const [first] = segments
  if (first === undefined) return undefined
  const { file } = first
  const bytes = segments.length > 1 ? HEADER_BYTES + 512 : HEADER_BYTES
  const bit = dice.below(bytes * 8)
  file.flip(bit)
  const mayRefuse = (error: string): boolean =>
    /MR_LOG_DAMAGED|MR_DIRECTORY_|the log is damaged/.test(error)
  return { what: 'bit rot in log', file, bit, isMended: false, mayRefuse }
}

/** The bit as it was. */
export const repair = ({ file, bit }: Damage): void => {
  file.flip(bit)
}
