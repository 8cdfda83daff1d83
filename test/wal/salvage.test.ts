/** What a damaged segment still gives, and whose a log is. */
import { describe, expect, it } from 'vitest'
import { utf8, utf8Text } from '../../src/base/bytes.ts'
import { encodeGroup, GROUP_ROLE, recordsBytes } from '../../wal/group-format.ts'
import { GROUP_HEADER_BYTES, SEGMENT_HEADER_BYTES } from '../../wal/limits.ts'
import { lineageProblem } from '../../wal/lineage.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import { rebuiltHeader, salvageSegment } from '../../wal/salvage.ts'
import { encodeSegmentHeader } from '../../wal/segment-format.ts'

const identity = new Uint8Array(16).fill(7)
const header = { number: 3, identity, epoch: 2, base: 1000, zeroed: true }

/** Groups of these texts, one record a text. */
function segmentOf(groups: readonly (readonly string[])[]): { bytes: Uint8Array; end: number } {
  const bytes = new Uint8Array(64 * 1024)
  bytes.set(encodeSegmentHeader(header))
  let position = header.base
  for (const [i, texts] of groups.entries()) {
    const entries = texts.map((text) => ({ kind: RECORD_KIND.blockAddition, parts: [utf8(text)] }))
    const group = new Uint8Array(GROUP_HEADER_BYTES + recordsBytes(entries))
    const role = i === 0 ? GROUP_ROLE.opening : GROUP_ROLE.records
    encodeGroup(group, { position, epoch: 2, durable: position, role, identity }, entries)
    bytes.set(group, SEGMENT_HEADER_BYTES + position - header.base)
    position += group.length
  }
  return { bytes, end: position }
}

function salvaged(bytes: Uint8Array, end: number): string[] {
  return [...salvageSegment({ header, bytes }, end)].map((step) =>
    step.kind === 'record' ? utf8Text(step.record.payload) : `lost ${String(step.to - step.from)}`,
  )
}

const GROUPS = [['open'], ['a1', 'a2', 'a3'], ['b1'], ['c1', 'c2']]
const TEXTS = GROUPS.flat()

describe('salvaging a segment', () => {
  it('gives every record of a whole one', () => {
    const { bytes, end } = segmentOf(GROUPS)
    expect(salvaged(bytes, end)).toEqual(TEXTS)
  })

  it('loses at most the record that a flipped byte lies in, wherever it is', () => {
    const { bytes, end } = segmentOf(GROUPS)
    const last = SEGMENT_HEADER_BYTES + end - header.base
    for (let at = SEGMENT_HEADER_BYTES; at < last; at++) {
      const broken = bytes.slice()
      broken[at] = (broken[at] ?? 0) ^ 0xff
      const found = salvaged(broken, end)
      const records = found.filter((text) => !text.startsWith('lost'))
      expect(TEXTS).toEqual(expect.arrayContaining(records))
      expect(new Set(records).size).toBe(records.length)
      // A broken length hides what follows it in its group: three records are in the largest.
      expect(records.length).toBeGreaterThanOrEqual(TEXTS.length - 3)
      if (records.length < TEXTS.length) expect(found.join()).toContain('lost')
    }
  })

  it('names what lies behind the end of a cut file', () => {
    const { bytes, end } = segmentOf(GROUPS)
    const cut = bytes.slice(0, SEGMENT_HEADER_BYTES + 60)
    // Without the group header that begins before the cut.
    const lost = end - header.base - 57 - GROUP_HEADER_BYTES
    expect(salvaged(cut, end)).toEqual(['open', `lost ${String(lost)}`])
  })

  it('tells a header from the first group, unless that is of another directory', () => {
    const { bytes } = segmentOf(GROUPS)
    expect(rebuiltHeader(bytes, 3, identity)).toEqual({ ...header, zeroed: false })
    expect(rebuiltHeader(bytes, 3, new Uint8Array(16))).toBeUndefined()
  })
})

describe('lineage', () => {
  const at = (base: number, epoch: number) => ({ ...header, base, epoch })
  const log = [at(0, 1), at(100, 2), at(200, 2), at(300, 5)]
  it.each([
    [{ position: 150, epoch: 2 }, true],
    [{ position: 300, epoch: 2 }, true],
    [{ position: 301, epoch: 5 }, true],
    [{ position: 301, epoch: 2 }, false],
    [{ position: 150, epoch: 5 }, false],
    [{ position: 150, epoch: 1 }, false],
    [{ position: 999, epoch: 9 }, true],
  ])('of %j is the log’s: %j', (witness, known) => {
    expect(lineageProblem(log, 400, witness) === undefined).toBe(known)
  })
  it('is not asked where the segment was released', () => {
    expect(lineageProblem(log.slice(1), 400, { position: 50, epoch: 1 })).toBeUndefined()
    expect(lineageProblem(log.slice(1), 400, { position: 50, epoch: 3 })).toBeDefined()
  })
})
