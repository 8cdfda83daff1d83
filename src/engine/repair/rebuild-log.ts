/**
 * Writes a log anew from what a damaged one still gives, into a directory of its own: a snapshot,
 * the blocks that are still needed, the allocations of batches that were not committed. It begins
 * where the damaged one ended, so positions stay unique and the checkpoint's proof holds.
 *
 * A crash leaves a directory that nobody uses yet.
 */
import { encodeGroup, GROUP_ROLE, recordsBytes } from '../../../wal/group-format.ts'
import {
  GROUP_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
} from '../../../wal/limits.ts'
import { RecordReader } from '../../../wal/reader.ts'
import type { LogEntry, RecordRef } from '../../../wal/record.ts'
import { encodeSegmentHeader, segmentName } from '../../../wal/segment-format.ts'
import { present } from '../../base/assert.ts'
import { MillraceError } from '../../base/errors.ts'
import { decodeEvent, encodeEvent, type BlockAddition } from '../../blocks/events.ts'
import type { FileSystem, WritableFile } from '../../host/host.ts'
import type { LogRebuild } from './assess-log.ts'

export interface RebuildSource {
  /** The damaged log. */
  readonly directory: string
  readonly refs: ReadonlyMap<number, RecordRef>
  readonly identity: Uint8Array
  readonly epoch: number
  /** Where it ended, or was proven to. */
  readonly end: number
}

export async function writeLog(
  fs: FileSystem,
  target: string,
  plan: LogRebuild,
  source: RebuildSource,
): Promise<void> {
  await fs.makeDirectory(target)
  // Number 1 again: nothing was released before it.
  const path = `${target}/${segmentName(1)}`
  const file = await fs.create(path)
  const reader = new RecordReader(fs, source.directory)
  try {
    const { identity, epoch, end: base } = source
    const header = { number: 1, identity, epoch, base, zeroed: true }
    await file.write(0, encodeSegmentHeader(header))
    const writer = new Groups(file, source)
    await writer.write(GROUP_ROLE.opening, [encodeEvent(plan.snapshot)])
    const moved = new Map<number, number>()
    for (const position of plan.keep) {
      const ref = present(source.refs.get(position), 'a block that is kept')
      const at = await writer.write(GROUP_ROLE.records, [encodeEvent(readAddition(reader, ref))])
      moved.set(position, at)
    }
    for (const allocation of plan.allocations) {
      const streams = allocation.streams.map(({ streamId, positions }) => ({
        streamId,
        positions: positions.map((position) => present(moved.get(position), 'a kept block')),
      }))
      await writer.write(GROUP_ROLE.records, [encodeEvent({ ...allocation, streams })])
    }
    await writer.write(GROUP_ROLE.closing, [])
    await file.sync()
  } finally {
    await reader.close()
    await file.close()
  }
  await fs.syncDirectory(target)
}

/** Its producer's mark is in the snapshot already: named again it would count as a duplicate. */
export function readAddition(reader: RecordReader, ref: RecordRef): BlockAddition {
  const { kind, payload } = reader.readSync(ref)
  const event = decodeEvent(kind, payload)
  if (event.kind !== 'addition') {
    const text = `the record at position ${String(ref.position)} is no block any more`
    throw new MillraceError('MR_LOG_DAMAGED', text)
  }
  const { streamId, format, records, receivedAt, bytes } = event
  return { kind: 'addition', streamId, format, records, receivedAt, bytes }
}

class Groups {
  readonly #file: WritableFile
  readonly #source: RebuildSource
  #position: number

  constructor(file: WritableFile, source: RebuildSource) {
    this.#file = file
    this.#source = source
    this.#position = source.end
  }

  /** The position of the first record. */
  async write(
    role: (typeof GROUP_ROLE)[keyof typeof GROUP_ROLE],
    entries: readonly LogEntry[],
  ): Promise<number> {
    const { epoch, identity, end: base } = this.#source
    const bytes = new Uint8Array(GROUP_HEADER_BYTES + recordsBytes(entries))
    const position = this.#position
    encodeGroup(bytes, { position, epoch, durable: position, role, identity }, entries)
    await this.#file.write(SEGMENT_HEADER_BYTES + position - base, bytes)
    this.#position += bytes.length
    return position + GROUP_HEADER_BYTES
  }
}

/** Upper bound of what `writeLog` writes. */
export const rebuiltBytes = (plan: LogRebuild, refs: ReadonlyMap<number, RecordRef>): number =>
  plan.keep.reduce(
    (sum, position) =>
      sum + GROUP_HEADER_BYTES + RECORD_HEADER_BYTES + (refs.get(position)?.length ?? 0),
    1024 * 1024,
  )
