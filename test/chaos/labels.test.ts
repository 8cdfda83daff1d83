import { describe, expect, it } from 'vitest'
import { labelsOfGroup, ownerOf } from '../../chaos/kill/labels.ts'
import { encodeGroup, GROUP_ROLE } from '../../wal/group-format.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import type { RecordKind } from '../../wal/record.ts'

const group = (...kinds: RecordKind[]): Uint8Array => {
  const target = new Uint8Array(1024)
  const place = { position: 0, epoch: 1, durable: 0, identity: new Uint8Array(16) }
  const entries = kinds.map((kind, i) => ({ kind, parts: [new Uint8Array(i), Uint8Array.of(1)] }))
  const length = encodeGroup(target, { ...place, role: GROUP_ROLE.records }, entries)
  return target.subarray(0, length)
}

describe('labels of the log', () => {
  it('are those of the records that the log really writes', () => {
    const { batchAllocation, batchCleanup, blockAddition, snapshot } = RECORD_KIND
    expect(labelsOfGroup(group(blockAddition, blockAddition))).toEqual(['log.addition'])
    expect(labelsOfGroup(group(blockAddition, batchAllocation, batchCleanup))).toEqual([
      ...['log.addition', 'log.allocation', 'log.cleanup'],
    ])
    expect(labelsOfGroup(group(snapshot))).toEqual(['log.snapshot'])
    expect(labelsOfGroup(group())).toEqual(['log.mark'])
    expect(labelsOfGroup(new Uint8Array(4096))).toEqual(['log.header'])
  })
})

describe('owners of paths', () => {
  it.each([
    ['/d/log/0001.wal', 'log'],
    ['/d/checkpoint-a.opening/CURRENT', 'checkpoint'],
    ['/d/owner.announce', 'owner'],
    ['/d/millrace.json', 'identity'],
    ['/d/first-start', 'identity'],
    ['/d/programs/0123.mjs', 'program'],
    ['/d', 'directory'],
    ['/out/.numbers-5.staged-0-1', 'output'],
    ['/out', 'output'],
    ['/elsewhere', 'scratch'],
  ])('of %s: %s', (path, owner) => {
    expect(ownerOf(path, { dataDir: '/d', outDir: '/out' })).toBe(owner)
  })
})
