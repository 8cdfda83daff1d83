/**
 * Writes that landed in another place, and sectors that hold what an older life wrote: whole groups
 * of the log where they do not belong.
 *
 * Below the watermark such a place is damage: opening refuses, and what was there is put back.
 * Only places are chosen that a later group of the same segment proves; of the last group nobody
 * can know. Behind the last group it is a torn tail, which the engine has to cut by itself.
 */
import type { Dice } from '../kill/dice.ts'
import { type Damage, mayRefuseLog } from './damage.ts'
import type { SimDisk } from './disk.ts'
import type { Inode } from './inode.ts'
import { type FoundGroup, groupsOf, ofOlderEpoch } from './log-groups.ts'

const contentOf = (file: Inode): Uint8Array => file.read(0, file.length)

/** A group that is being written lands on an earlier block of its length too, if there is one. */
export function misdirect(file: Inode, position: number, bytes: Uint8Array): Damage | undefined {
  const { groups } = groupsOf(contentOf(file).subarray(0, position))
  const proven = groups.slice(0, -1)
  const hit = proven.findLast((group) => group.isBlock && group.bytes.length === bytes.length)
  return hit && strayAt(file, hit.offset, bytes, 'misdirected write')
}

/** The same at rest, in any segment. */
export function stray(disk: SimDisk, dice: Dice): Damage | undefined {
  const segments = disk.files('/data/log').filter(({ path }) => path.endsWith('.wal'))
  const file = (dice.next() < 0.7 ? segments.at(-1) : segments[dice.below(segments.length)])?.file
  if (file === undefined) return undefined
  const content = contentOf(file)
  const { end, groups, isSealed } = groupsOf(content)
  const isLast = file === segments.at(-1)?.file
  if (isLast && !isSealed && dice.next() < 0.2) return behindTheEnd(file, end, groups)
  const proven = groups.slice(0, -1)
  const blocks = proven.filter((group) => group.isBlock)
  const target = dice.next() < 0.5 ? blocks.at(-1) : blocks[dice.below(blocks.length)]
  if (target === undefined) return undefined
  if (dice.next() < 0.5) {
    const old = ofOlderEpoch(target, content)
    return strayAt(file, target.offset, old, 'group of an older epoch')
  }
  const other = groups.find(
    (group) => group !== target && group.bytes.length <= target.bytes.length,
  )
  return other && strayAt(file, target.offset, other.bytes, 'misdirected group')
}

function behindTheEnd(file: Inode, end: number, groups: readonly FoundGroup[]): Damage | undefined {
  const other = groups.find((group) => end + group.bytes.length <= file.length)
  if (other === undefined) return undefined
  const damage = strayAt(file, end, other.bytes, 'misdirected group behind the end')
  return { ...damage, isMended: true, mayRefuse: () => false }
}

function strayAt(file: Inode, offset: number, bytes: Uint8Array, what: string): Damage {
  const before = file.read(offset, bytes.length)
  file.rewrite(offset, bytes)
  return {
    what,
    isMended: false,
    mayRefuse: mayRefuseLog,
    putBack: () => {
      // The segment may have been recycled meanwhile.
      const now = file.read(offset, bytes.length)
      if (Buffer.compare(now, bytes) === 0) file.rewrite(offset, before)
    },
  }
}
