/**
 * Reads a log as far as its bytes allow, damage or not: every event whose record verifies, in the
 * order of the log, and every range of positions that is lost. Writes nothing; a segment is in
 * memory at a time, and of the blocks only what stands before their bytes is kept.
 */
import { RECORD_KIND, type RecordRef } from '../../../wal/record.ts'
import { rebuiltHeader, salvageSegment, type Salvaged } from '../../../wal/salvage.ts'
import { SEGMENT_HEADER_BYTES } from '../../../wal/limits.ts'
import { decodeSegmentHeader, segmentName, segmentNumberOf } from '../../../wal/segment-format.ts'
import type { SegmentHeader } from '../../../wal/segment-format.ts'
import { provenLater, walkGroups, type SegmentBytes } from '../../../wal/segment-walk.ts'
import { equalBytes } from '../../base/bytes.ts'
import { messageOf } from '../../base/errors.ts'
import { decodeEvent, type TrackerEvent } from '../../blocks/events.ts'
import type { FileSystem } from '../../host/host.ts'

export interface SurveyedSegment {
  readonly header: SegmentHeader
  readonly file: string
  /** Its first sector is damaged; the header was told from the groups. */
  readonly rebuilt: boolean
}

export interface SurveyedEvent {
  readonly ref: RecordRef
  /** Without the bytes of a block. */
  readonly event: TrackerEvent
}

export interface Lost {
  readonly file: string
  readonly offset: number
  readonly from: number
  readonly to: number
  readonly reason: string
  /** What the lost record says of itself, unverified. */
  readonly says?: { readonly streamId: number; readonly records: number }
}

export interface Survey {
  readonly segments: readonly SurveyedSegment[]
  readonly events: readonly SurveyedEvent[]
  readonly lost: readonly Lost[]
  /** Behind the last record, or the largest position that was proven. */
  readonly end: number
}

const NOTHING = new Uint8Array(0)

export async function surveyLog(
  fs: FileSystem,
  directory: string,
  {
    identity,
    proven,
    onProgress,
  }: {
    readonly identity: Uint8Array
    /** Proven durable from outside. */
    readonly proven: number
    readonly onProgress?: (done: number, total: number) => void
  },
): Promise<Survey> {
  const { segments, lost } = await readHeaders(fs, directory, identity)
  const events: SurveyedEvent[] = []
  let end = 0
  for (const [i, segment] of segments.entries()) {
    const bytes = await readOr(fs, segment.file)
    if (typeof bytes === 'string') {
      const to = segments[i + 1]?.header.base ?? Math.max(proven, segment.header.base)
      lost.push({ file: segment.file, offset: 0, from: segment.header.base, to, reason: bytes })
      continue
    }
    const read = { header: segment.header, bytes }
    const until = segments[i + 1]?.header.base ?? endOf(read, proven)
    for (const step of salvageSegment(read, until)) take(step, segment.file, events, lost)
    end = until
    onProgress?.(i + 1, segments.length)
  }
  if (segments.length === 0 && proven > 0) {
    lost.push({ file: directory, offset: 0, from: 0, to: proven, reason: 'there is no segment' })
    end = proven
  }
  return { segments, events, lost: lost.sort((a, b) => a.from - b.from), end }
}

/** Where the last segment ends: behind its last good group, but not before what is proven. */
function endOf(segment: SegmentBytes, proven: number): number {
  const { header } = segment
  let end = Math.max(proven, header.base)
  for (const step of walkGroups(segment, undefined)) {
    if (step.kind === 'group') end = Math.max(end, step.header.durable)
    else {
      const { durable, endOffset } = provenLater(segment, step.offset)
      const later = endOffset - SEGMENT_HEADER_BYTES + header.base
      end = Math.max(end, step.position, durable, later)
    }
  }
  return end
}

async function readHeaders(
  fs: FileSystem,
  directory: string,
  identity: Uint8Array,
): Promise<{ segments: SurveyedSegment[]; lost: Lost[] }> {
  const segments: SurveyedSegment[] = []
  const lost: Lost[] = []
  for (const name of (await fs.list(directory)) ?? []) {
    const number = segmentNumberOf(name)
    if (number === undefined) continue
    const file = `${directory}/${segmentName(number)}`
    const bytes = await readOr(fs, file)
    const decoded =
      typeof bytes === 'string'
        ? undefined
        : decodeSegmentHeader(bytes.subarray(0, SEGMENT_HEADER_BYTES))
    const ours =
      decoded?.kind === 'header' &&
      decoded.header.number === number &&
      equalBytes(decoded.header.identity, identity)
    if (ours) {
      segments.push({ header: decoded.header, file, rebuilt: false })
      continue
    }
    const header = typeof bytes === 'string' ? undefined : rebuiltHeader(bytes, number, identity)
    if (header !== undefined) segments.push({ header, file, rebuilt: true })
    // Its positions are lost between its neighbours: that is seen when they are walked.
  }
  return { segments, lost }
}

async function readOr(fs: FileSystem, path: string): Promise<Uint8Array | string> {
  try {
    return await fs.readFile(path)
  } catch (error) {
    return `it cannot be read: ${messageOf(error)}`
  }
}

function take(step: Salvaged, file: string, events: SurveyedEvent[], lost: Lost[]): void {
  if (step.kind === 'record') {
    const { ref, kind, payload } = step.record
    const event = decodeEvent(kind, payload)
    events.push({ ref, event: event.kind === 'addition' ? { ...event, bytes: NOTHING } : event })
    return
  }
  const { from, to, offset, reason, unverified } = step
  const says = unverified === undefined ? undefined : claimOf(unverified.kind, unverified.payload)
  lost.push({ file, offset, from, to, reason, ...(says === undefined ? {} : { says }) })
}

function claimOf(kind: number, payload: Uint8Array): Lost['says'] {
  if (kind !== RECORD_KIND.blockAddition) return undefined
  try {
    const event = decodeEvent(kind, payload)
    if (event.kind !== 'addition' || event.records < 0) return undefined
    return { streamId: event.streamId, records: event.records }
  } catch {
    // Unverified bytes need not make sense: then they say nothing.
    return undefined
  }
}
