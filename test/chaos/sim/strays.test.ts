/** Groups of the log where they do not belong: what the engine has to refuse, and what it cuts. */
import { beforeEach, describe, expect, it } from 'vitest'
import { diceOf } from '../../../chaos/kill/dice.ts'
import type { Damage } from '../../../chaos/sim/damage.ts'
import { SimDisk } from '../../../chaos/sim/disk.ts'
import { SimFileSystem } from '../../../chaos/sim/file-system.ts'
import { openGate } from '../../../chaos/sim/gate.ts'
import type { Inode } from '../../../chaos/sim/inode.ts'
import { groupsOf } from '../../../chaos/sim/log-groups.ts'
import { misdirect, stray } from '../../../chaos/sim/strays.ts'
import { ManualClock } from '../../../src/host/manual-clock.ts'
import { openLog } from '../../../wal/log.ts'
import { RECORD_KIND } from '../../../wal/record.ts'

const SEGMENT = '/data/log/00000000000000000001.wal'
const BLOCKS = 5
const disk = new SimDisk()

async function readLog(of: SimDisk, more: readonly string[] = []): Promise<string[]> {
  const read: string[] = []
  const fs = new SimFileSystem(of, openGate)
  const { log } = await openLog(
    { fs, clock: new ManualClock() },
    {
      directory: '/data/log',
      identity: new Uint8Array(16).fill(7),
      segmentBytes: 32 * 1024,
      apply: ({ kind, payload }) => {
        if (kind === RECORD_KIND.blockAddition) read.push(Buffer.from(payload).toString())
      },
      snapshot: () => [],
    },
  )
  for (const text of more) {
    await log.append({ kind: RECORD_KIND.blockAddition, parts: [Buffer.from(text)] })
  }
  // No close: a log that was killed has no proof of its end.
  return read
}

const TEXTS = Array.from({ length: BLOCKS }, (_, n) => `p1:${String(n)}\n`)
let segment: Inode

beforeEach(async () => {
  disk.root = new SimDisk().root
  disk.makeDirectory('/data')
  await readLog(disk, TEXTS)
  segment = disk.file(SEGMENT)
})

describe('groups of a segment', () => {
  it('are found as they were written', () => {
    const { groups, isSealed } = groupsOf(segment.read(0, segment.length))
    expect(groups.map((group) => group.isBlock)).toEqual([false, ...TEXTS.map(() => true)])
    expect(isSealed).toBe(false)
  })
})

describe('a misdirected write', () => {
  it('lands on an earlier block that a later group proves, and is refused there', async () => {
    const { groups } = groupsOf(segment.read(0, segment.length))
    const last = groups.at(-1)
    const damage = misdirect(segment, last?.offset ?? 0, last?.bytes ?? new Uint8Array())
    expect(segment.read(groups.at(-3)?.offset ?? 0, 40)).toEqual(last?.bytes.subarray(0, 40))
    await expect(readLog(disk.clone())).rejects.toThrow('another position')
    damage?.putBack()
    expect(await readLog(disk)).toEqual(TEXTS)
  })

  it('finds no place where no block is as long', () => {
    expect(misdirect(segment, segment.length, new Uint8Array(9))).toBeUndefined()
  })

  it('is not put back into a segment that was written anew', () => {
    const { groups } = groupsOf(segment.read(0, segment.length))
    const last = groups.at(-1)
    const damage = misdirect(segment, last?.offset ?? 0, last?.bytes ?? new Uint8Array())
    const anew = new Uint8Array(segment.length).fill(5)
    segment.rewrite(0, anew)
    damage?.putBack()
    expect(segment.read(0, segment.length)).toEqual(anew)
  })
})

describe('a stray at rest', () => {
  it('is refused below the watermark, cut above it, and gone when put back', async () => {
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 60; seed++) {
      const copy = disk.clone()
      const damage = stray(copy, diceOf(seed))
      if (damage !== undefined) outcomes.add(`${damage.what}: ${await outcomeOf(copy, damage)}`)
    }
    expect([...outcomes].sort()).toEqual([
      'group of an older epoch: refused, the group belongs to another epoch',
      'misdirected group behind the end: cut',
      'misdirected group: refused, the group belongs to another position',
    ])
  })
})

async function outcomeOf(of: SimDisk, damage: Damage): Promise<string> {
  if (damage.isMended) {
    expect(await readLog(of)).toEqual(TEXTS)
    return 'cut'
  }
  const error = await readLog(of.clone()).catch((cause: unknown) => String(cause))
  expect(damage.mayRefuse(String(error))).toBe(true)
  damage.putBack()
  expect(await readLog(of)).toEqual(TEXTS)
  return `refused, ${/the group belongs to another \w+/.exec(String(error))?.[0] ?? String(error)}`
}
