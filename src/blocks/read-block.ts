/** Reads one block from the log, in any process: executors read their input without the driver. */
import type { RecordReader } from '../../wal/reader.ts'
import type { RecordRef } from '../../wal/record.ts'
import { MillraceError } from '../base/errors.ts'
import { type BlockFormat, decodeEvent } from './events.ts'

export interface ReadBlock {
  readonly format: BlockFormat
  readonly records: number
  readonly bytes: Uint8Array
}

/** The bytes are the caller's. Errors: those of `RecordReader.readSync`. */
export function readBlock(reader: RecordReader, ref: RecordRef): ReadBlock {
  const { kind, payload } = reader.readSync(ref)
  const event = decodeEvent(kind, payload)
  if (event.kind === 'addition') {
    return { format: event.format, records: event.records, bytes: event.bytes }
  }
  throw new MillraceError(
    'MR_LOG_DAMAGED',
    `the record at position ${String(ref.position)} is no block: ${event.kind}`,
    { details: { ...ref } },
  )
}
