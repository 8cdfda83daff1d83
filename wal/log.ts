/**
 * Opens the write-ahead log of a directory: recover, make the tail durable, begin this life's own
 * segment.
 *
 * Invariant: nothing is written before every check has passed, so a refused directory keeps every
 * byte.
 * A crash at any line leaves the log as it was, or with one more segment that holds no record of a
 * caller.
 */
import { dirname } from 'node:path'

import { assert } from '../src/base/assert.ts'
import { MillraceError } from '../src/base/errors.ts'
import type { Appender, Host } from '../src/host/host.ts'
import type { Log, LogOptions, LogReport } from './contract.ts'
import { GroupCommitLog } from './group-commit.ts'
import { GroupWriter, type OpenSegment } from './group-writer.ts'
import { RECORD_BYTES_MAX_DEFAULT, recordLimitOf, SEGMENT_BYTES_DEFAULT } from './limits.ts'
import { SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, SEGMENT_HEADER_BYTES } from './limits.ts'
import { recoverLog, type Recovered } from './recovery.ts'
import type { ScannedEnd } from './scan.ts'
import { IDENTITY_BYTES } from './segment-format.ts'
import { type KeptSegment, SegmentFiles } from './segment-files.ts'

/**
 * Errors: MR_LOG_DAMAGED, MR_DIRECTORY_FOREIGN, MR_DIRECTORY_NEWER, MR_CONFIG_INVALID, what `apply`
 * throws, and what the file system throws. After an error nothing is held open.
 */
export async function openLog(
  host: Pick<Host, 'fs' | 'clock'>,
  options: LogOptions,
): Promise<{ log: Log; report: LogReport }> {
  const sizes = sizesOf(options)
  const { fs, clock } = host
  const recovered = await recoverLog(fs, options.directory, options)
  await options.replayed?.()
  if (recovered.end === undefined) {
    await fs.makeDirectory(options.directory)
    await fs.syncDirectory(dirname(options.directory))
  }
  const appender = await fs.openAppender()
  try {
    const files = new SegmentFiles(fs, options.directory, sizes.segmentBytes, keptOf(recovered))
    const epoch = (recovered.end?.segment.header.epoch ?? 0) + 1
    await files.adoptSpares(epoch)
    const previous = recovered.end && (await makeTailDurable(appender, recovered.end))
    const end = recovered.end?.position ?? 0
    const { identity } = options
    const snapshot = (): ReturnType<LogOptions['snapshot']> => options.snapshot()
    const { segmentBytes } = sizes
    const { onFull } = options
    const place = { identity, epoch, segmentBytes, end, previous, snapshot, onFull }
    const writer = new GroupWriter(files, appender, place)
    await writer.rotate()
    const log = new GroupCommitLog(
      { files, appender, writer, clock },
      { log: options, epoch, ...sizes },
    )
    return { log, report: reportOf(recovered, log, end) }
  } catch (error) {
    await closeAfter(error, appender)
    throw error
  }
}

function sizesOf(options: LogOptions): { segmentBytes: number; recordBytesMax: number } {
  assert(options.identity.length === IDENTITY_BYTES, 'an identity has 16 bytes')
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT
  const whole = Number.isInteger(segmentBytes / SEGMENT_HEADER_BYTES)
  if (!whole || segmentBytes < SEGMENT_BYTES_MIN || segmentBytes > SEGMENT_BYTES_MAX) {
    throw new MillraceError(
      'MR_CONFIG_INVALID',
      `segmentBytes is ${String(segmentBytes)}: needed is a multiple of ` +
        `${String(SEGMENT_HEADER_BYTES)} from ${String(SEGMENT_BYTES_MIN)} to ` +
        String(SEGMENT_BYTES_MAX),
    )
  }
  const limit = recordLimitOf(segmentBytes)
  const recordBytesMax = options.recordBytesMax ?? Math.min(RECORD_BYTES_MAX_DEFAULT, limit)
  if (recordBytesMax >= 1 && recordBytesMax <= limit) return { segmentBytes, recordBytesMax }
  throw new MillraceError(
    'MR_CONFIG_INVALID',
    `recordBytesMax is ${String(recordBytesMax)}: ` +
      `segments of ${String(segmentBytes)} bytes take 1 to ${String(limit)}`,
  )
}

const keptOf = (recovered: Recovered): KeptSegment[] =>
  recovered.segments.map(({ header: { number, base, epoch }, bytes }) => ({
    ...{ number, base, epoch, bytes },
  }))

/**
 * What no later group proves may lie in the page cache only, and after a sync that failed in a
 * former life the kernel takes such pages for clean: a sync alone would prove nothing. So the same
 * bytes are written again, then synced.
 */
async function makeTailDurable(appender: Appender, end: ScannedEnd): Promise<OpenSegment> {
  const { header, file: path } = end.segment
  const file = await appender.open(path)
  const { offset, bytes } = end.unproven
  await appender.append(file, offset, new Uint8Array(bytes), true)
  return { number: header.number, base: header.base, epoch: header.epoch, file }
}

function reportOf(recovered: Recovered, log: Log, end: number): LogReport {
  return {
    segments: recovered.segments.length,
    records: recovered.records,
    bytes: recovered.bytes,
    tornBytes: recovered.tornBytes,
    start: log.start,
    end,
    epoch: log.epoch,
  }
}

/** Lets go of the log's thread; if that fails too, both errors are told. */
async function closeAfter(error: unknown, appender: Appender): Promise<void> {
  try {
    await appender.close()
  } catch (second) {
    throw new AggregateError([error, second], 'the log did not open, and its thread did not end')
  }
}
