/**
 * Damage at rest, between two boots. One of two stores may rot in any bit: the other mends it. The
 * log may rot where it is proven, or hold there what belongs elsewhere: opening refuses, naming the
 * place, and what was there is put back, as from a backup.
 */
import type { Dice } from '../kill/dice.ts'
import { type Damage, mayRefuseLog } from './damage.ts'
import type { SimDisk } from './disk.ts'
import type { Inode } from './inode.ts'
import { stray } from './strays.ts'

const HEADER_BYTES = 4096

export type StoreSide = 'a' | 'b'

/** `ahead`: the store that may be the only one to hold the newest commit. */
export function rot(disk: SimDisk, dice: Dice, ahead?: StoreSide): Damage | undefined {
  const draw = dice.next()
  if (draw < 0.2) return inStore(disk, dice, ahead ?? dice.pick(['a', 'b']))
  if (draw < 0.26) return inLog(disk, dice)
  if (draw < 0.4) return stray(disk, dice)
  return undefined
}

function inStore(disk: SimDisk, dice: Dice, side: StoreSide): Damage | undefined {
  const files = disk.files(`/data/checkpoint-${side}`).filter(({ file }) => file.length > 0)
  if (files.length === 0) return undefined
  const { path, file } = dice.pick(files)
  const putBack = flipped(file, dice.below(file.length * 8))
  const sort = path.replace(/.*\//, '').replace(/\d+/g, '')
  return { what: `bit rot in store ${sort}`, isMended: true, mayRefuse: () => false, putBack }
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
  const putBack = flipped(file, dice.below(bytes * 8))
  return { what: 'bit rot in log', isMended: false, mayRefuse: mayRefuseLog, putBack }
}

/** Flips a bit; the function returned does it again. */
function flipped(file: Inode, bit: number): () => void {
  const flip = (): void => {
    file.flip(bit)
  }
  flip()
  return flip
}
