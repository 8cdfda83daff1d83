/**
 * Reads a log directory without opening it: recovery folds these events, verification prints them.
 * Writes nothing.
 *
 * All segment headers come first, so that a foreign or newer directory is told before any record.
 * Then the groups of each segment up to the base of the next one; the last segment ends where its
 * valid groups end. Damage is an event and the scan goes on behind it where it can: recovery stops
 * at the first, verification lists all.
 */
import { equalBytes } from '../src/base/bytes.ts'
import { messageOf, MillraceError } from '../src/base/errors.ts'
import type { FileSystem } from '../src/host/host.ts'
import type { GroupHeader } from './group-format.ts'
import { SEGMENT_HEADER_BYTES } from './limits.ts'
import { lineageProblem, type Witness } from './lineage.ts'
import type { LogRecord } from './record.ts'
import { decodeSegmentHeader, segmentName, segmentNumberOf } from './segment-format.ts'
import type { SegmentHeader } from './segment-format.ts'
import { offsetOf, provenLater, tornBytes, walkGroups } from './segment-walk.ts'
import type { SegmentBytes, WalkEnd } from './segment-walk.ts'
import { lossOf, lossText } from './loss.ts'
import { judge, logDamaged, positions, type BadPlace } from './verdict.ts'

export interface ScanOptions {
  /**
   * When given, segments of another identity are `MR_DIRECTORY_FOREIGN`; else the first segment's
   * is expected.
   */
  readonly identity?: Uint8Array
  /** Largest position proven durable from outside; default 0. Waited for at the last segment. */
  readonly provenDurable?: number | Promise<number>
  /** A commit beside which this log has to have been written. Waited for at the end. */
  readonly witness?: Witness | Promise<Witness> | undefined
  onProgress?(done: number, total: number): void
}

export interface ScannedSegment {
  readonly header: SegmentHeader
  readonly file: string
  /** Size of the file. */
  readonly bytes: number
}

/** The end of the log and what of it is not proven durable yet. */
export interface ScannedEnd {
  readonly position: number
  readonly segment: ScannedSegment
  /**
   * Offset in that segment's file, and the bytes from there to the end, that no later group proves.
   */
  readonly unproven: { readonly offset: number; readonly bytes: Uint8Array }
}

export type ScanEvent =
  | ({ readonly kind: 'segment' } & ScannedSegment)
  | {
      readonly kind: 'group'
      readonly file: string
      readonly offset: number
      readonly header: GroupHeader
      readonly records: readonly LogRecord[]
    }
  | { readonly kind: 'torn'; readonly place: BadPlace; readonly bytes: number }
  | { readonly kind: 'damage'; readonly error: MillraceError }
  | { readonly kind: 'end'; readonly end: ScannedEnd | undefined }

const damage = (error: MillraceError): ScanEvent => ({ kind: 'damage', error })

export async function* scanLog(
  fs: FileSystem,
  directory: string,
  options: ScanOptions = {},
): AsyncGenerator<ScanEvent> {
  const segments: ScannedSegment[] = []
  for await (const event of scanHeaders(fs, directory, options.identity)) {
    if (event.kind === 'segment') segments.push(event)
    yield event
  }
  if (segments.length === 0) {
    const proven = (await options.provenDurable) ?? 0
    if (proven > 0) yield damage(nothingThere(directory, proven))
    yield { kind: 'end', end: undefined }
    return
  }
  const total = segments.reduce((sum, at, i) => sum + bytesToRead(at, segments[i + 1]), 0)
  let done = 0
  for (const [i, segment] of segments.entries()) {
    const next = segments[i + 1]
    const released = i === 0 ? provenByRelease(segment) : 0
    const floor = next?.header.base ?? Math.max(released, (await options.provenDurable) ?? 0)
    for await (const event of scanSegment(fs, segment, next, floor)) {
      const foreign =
        event.kind === 'end' ? await foreignTo(segments, event.end, options) : undefined
      if (foreign !== undefined) yield damage(foreign)
      yield event
    }
    done += bytesToRead(segment, next)
    options.onProgress?.(done, total)
  }
}

async function foreignTo(
  segments: readonly ScannedSegment[],
  end: ScannedEnd | undefined,
  options: ScanOptions,
): Promise<MillraceError | undefined> {
  const witness = await options.witness
  if (witness === undefined || witness.epoch === 0 || witness.position === 0) return undefined
  const headers = segments.map(({ header }) => header)
  return lineageProblem(headers, end?.position ?? 0, witness)
}

const bytesToRead = (at: ScannedSegment, next: ScannedSegment | undefined): number =>
  next === undefined ? at.bytes : Math.min(at.bytes, offsetOf(at.header, next.header.base))

/**
 * Segments before the first were released, which happens only after the first's opening group was
 * synced.
 */
const provenByRelease = ({ header }: ScannedSegment): number =>
  header.number > 1 ? header.base + 1 : 0

const nothingThere = (directory: string, proven: number): MillraceError =>
  logDamaged({ file: directory, offset: 0, reason: 'there is no segment' }, positions(0, proven))

/**
 * Files in order of their numbers: headers that hold, and what is wrong with the others or between
 * them.
 */
async function* scanHeaders(
  fs: FileSystem,
  directory: string,
  identity: Uint8Array | undefined,
): AsyncGenerator<ScanEvent> {
  const names = (await fs.list(directory)) ?? []
  let before: ScannedSegment | undefined
  let expected: number | undefined
  for (const number of names.map(segmentNumberOf).filter((n) => n !== undefined)) {
    const file = `${directory}/${segmentName(number)}`
    if (expected !== undefined && number !== expected) {
      yield damage(missing(directory, expected, number))
    }
    expected = number + 1
    const found = await readHeader(fs, file, number, identity ?? before?.header.identity)
    const error = found instanceof MillraceError ? found : disorder(before, found)
    if (error !== undefined) yield damage(error)
    if (found instanceof MillraceError) continue
    before = found
    yield { kind: 'segment', ...found }
  }
}

const missing = (directory: string, first: number, next: number): MillraceError =>
  logDamaged(
    { file: `${directory}/${segmentName(first)}`, offset: 0, reason: 'the segment is missing' },
    `everything in segments ${String(first)} to ${String(next - 1)}`,
  )

function disorder(
  before: ScannedSegment | undefined,
  { header, file }: ScannedSegment,
): MillraceError | undefined {
  if (before === undefined) return undefined
  const lost = `the order of segments ${String(before.header.number)} and ${String(header.number)}`
  if (header.epoch < before.header.epoch) {
    return logDamaged({ file, offset: 40, reason: 'its epoch is older than its predecessor' }, lost)
  }
  if (header.base < before.header.base) {
    return logDamaged({ file, offset: 48, reason: 'its base lies before its predecessor' }, lost)
  }
  return undefined
}

async function readHeader(
  fs: FileSystem,
  file: string,
  number: number,
  identity: Uint8Array | undefined,
): Promise<ScannedSegment | MillraceError> {
  const sector = await readFrom(fs, file, SEGMENT_HEADER_BYTES)
  if (sector instanceof MillraceError) return sector
  const decoded = decodeSegmentHeader(sector.bytes)
  if (decoded.kind === 'newer') {
    return new MillraceError(
      'MR_DIRECTORY_NEWER',
      `${file} has format version ${String(decoded.version)}, which this program does not know`,
      { details: { file, version: decoded.version } },
    )
  }
  const lost = `all of segment ${String(number)}`
  if (decoded.kind === 'damaged') {
    return logDamaged({ file, offset: 0, reason: decoded.reason }, lost)
  }
  const { header } = decoded
  if (identity !== undefined && !equalBytes(header.identity, identity)) {
    return new MillraceError('MR_DIRECTORY_FOREIGN', `${file} belongs to another data directory`, {
      details: { file },
    })
  }
  if (header.number !== number) {
    const reason = `the header is of segment ${String(header.number)}`
    return logDamaged({ file, offset: 16, reason }, lost)
  }
  return { header, file, bytes: sector.size }
}

/**
 * Up to `length` bytes from the start of a file, and its size. An error of the device is damage of
 * that file.
 */
async function readFrom(
  fs: FileSystem,
  path: string,
  length: number,
): Promise<{ bytes: Uint8Array; size: number } | MillraceError> {
  try {
    const file = await fs.openRead(path)
    try {
      return { bytes: await file.read(0, length), size: await file.size() }
    } finally {
      await file.close()
    }
  } catch (error) {
    const reason = `it cannot be read: ${messageOf(error)}`
    return logDamaged({ file: path, offset: 0, reason }, 'the whole file', error)
  }
}

async function* scanSegment(
  fs: FileSystem,
  scanned: ScannedSegment,
  next: ScannedSegment | undefined,
  floor: number,
): AsyncGenerator<ScanEvent> {
  const { header, file } = scanned
  const read = await readFrom(fs, file, bytesToRead(scanned, next))
  if (read instanceof MillraceError) {
    yield damage(read)
    return
  }
  const segment: SegmentBytes = { header, bytes: read.bytes }
  let proven = floor
  let durable = header.base
  for (const step of walkGroups(segment, next?.header.base)) {
    if (step.kind === 'group') {
      durable = Math.max(durable, step.header.durable)
      proven = Math.max(proven, step.header.durable)
      yield { ...step, file }
    } else {
      yield* endOfSegment(segment, scanned, step, proven)
      if (next === undefined) yield { kind: 'end', end: endOf(segment, scanned, step, durable) }
    }
  }
}

function endOf(
  { header, bytes }: SegmentBytes,
  segment: ScannedSegment,
  { position, offset }: WalkEnd,
  durable: number,
): ScannedEnd {
  const from = offsetOf(header, durable)
  return { position, segment, unproven: { offset: from, bytes: bytes.subarray(from, offset) } }
}

function* endOfSegment(
  segment: SegmentBytes,
  { file }: ScannedSegment,
  end: WalkEnd,
  proven: number,
): Generator<ScanEvent> {
  const { number } = segment.header
  if (end.state === 'complete') return
  if (end.state === 'sealed') {
    const reason = `segment ${String(number + 1)}, which follows, is missing`
    yield damage(
      logDamaged({ ...end, file, reason }, `everything from position ${String(end.position)}`),
    )
    return
  }
  const later = provenLater(segment, end.offset)
  const place = { file, offset: end.offset, position: end.position, reason: end.reason }
  const largest = Math.max(proven, later.durable)
  if (judge(place, largest) === 'damaged') {
    const loss = lossOf(segment, end.offset, Math.max(later.beginOffset, end.offset))
    yield damage(logDamaged(place, lossText(place.position, largest, loss)))
    return
  }
  const bytes = tornBytes(segment, end.offset, later)
  if (bytes > 0) yield { kind: 'torn', place, bytes }
}
