/**
 * What the log's records mean: three events of the tracker and its snapshot, in Avro. Pure: no
 * input or output.
 *
 *   BlockAddition    u32 length of the Avro part, Avro part, then the block's bytes as they are
 *   the others       one Avro value
 *
 * Invariant: `decodeEvent` gives back what an encoder was given; it throws on anything else.
 * Schemas are part of format version 1: a changed schema is a new version (golden bytes in the
 * tests hold them still).
 */
import avro, { type Schema } from 'avsc'

import { RECORD_KIND, type LogEntry, type RecordKind } from '../../wal/record.ts'
import { unreachable } from '../base/assert.ts'

/** `text`: lines, each ended by "\n", valid UTF-8. `values`: `v8.serialize` of an array. */
export type BlockFormat = 'text' | 'values'

export interface Producer {
  readonly id: string
  /** Of the last record (or request) in the block; a producer's blocks come in growing order. */
  readonly sequence: number
}

export interface BlockAddition {
  readonly kind: 'addition'
  readonly streamId: number
  readonly format: BlockFormat
  readonly records: number
  readonly producer?: Producer
  /** Milliseconds since the epoch. */
  readonly receivedAt: number
  readonly bytes: Uint8Array
}

export interface BatchAllocation {
  readonly kind: 'allocation'
  /** Batch time, milliseconds since the epoch. */
  readonly time: number
  /** Positions of the blocks in the log. */
  readonly streams: readonly { readonly streamId: number; readonly positions: readonly number[] }[]
  readonly ranges: readonly Range[]
}

/** What a batch reads of a direct input: `from ≤ position < until`. */
export interface Range {
  readonly streamId: number
  readonly from: number
  readonly until: number
}

export interface BatchCleanup {
  readonly kind: 'cleanup'
  /** Batches up to this time are committed. */
  readonly time: number
  /**
   * Number and digest of the commit, so that a checkpoint that lost its newest commits is noticed
   * at open.
   */
  readonly commit: number
  readonly digest: Uint8Array
  /** Batches before this time are needed no more; later ones stay readable (raw windows). */
  readonly keepFrom: number
}

export interface ProducerMark extends Producer {
  readonly streamId: number
  /** `receivedAt` of the last block that named the producer. */
  readonly lastUsed: number
}

/**
 * The tracker as it stood when a segment began, as far as the retained log does not say it. Blocks
 * are counted, not listed: what is still needed lies in retained segments, so the snapshot stays
 * small however long the backlog is.
 */
export interface Snapshot {
  readonly kind: 'snapshot'
  readonly lastAllocated: number | null
  readonly cleanup: Omit<BatchCleanup, 'kind'> | null
  /** Times of the batches that are kept, ascending. */
  readonly kept: readonly number[]
  readonly unallocated: readonly { readonly streamId: number; readonly blocks: number }[]
  /** Least recently used first. */
  readonly producers: readonly ProducerMark[]
  readonly producersDropped: number
}

export type TrackerEvent = BlockAddition | BatchAllocation | BatchCleanup | Snapshot

const long = (name: string): { name: string; type: Schema } => ({ name, type: 'long' })
const int = (name: string): { name: string; type: Schema } => ({ name, type: 'int' })
const array = (items: Schema): Schema => ({ type: 'array', items })
const record = (name: string, fields: { name: string; type: Schema }[]) =>
  ({ type: 'record', name, namespace: 'millrace.log', fields }) as const

const PRODUCER = record('Producer', [{ name: 'id', type: 'string' }, long('sequence')])
const CLEANUP = record('BatchCleanup', [
  long('time'),
  long('commit'),
  { name: 'digest', type: 'bytes' },
  long('keepFrom'),
])
const STREAM_POSITIONS = record('StreamPositions', [
  int('streamId'),
  { name: 'positions', type: array('long') },
])
const RANGE = record('Range', [int('streamId'), long('from'), long('until')])
const MARK = record('ProducerMark', [
  int('streamId'),
  { name: 'id', type: 'string' },
  long('sequence'),
  long('lastUsed'),
])

export const SCHEMAS = {
  addition: record('BlockAddition', [
    int('streamId'),
    int('format'),
    long('records'),
    { name: 'producer', type: ['null', PRODUCER] },
    long('receivedAt'),
  ]),
  allocation: record('BatchAllocation', [
    long('time'),
    { name: 'streams', type: array(STREAM_POSITIONS) },
    { name: 'ranges', type: array(RANGE) },
  ]),
  cleanup: CLEANUP,
  snapshot: record('Snapshot', [
    { name: 'lastAllocated', type: ['null', 'long'] },
    { name: 'cleanup', type: ['null', CLEANUP] },
    { name: 'kept', type: array('long') },
    {
      name: 'unallocated',
      type: array(record('StreamBlocks', [int('streamId'), long('blocks')])),
    },
    { name: 'producers', type: array(MARK) },
    long('producersDropped'),
  ]),
} as const

const types = {
  addition: avro.Type.forSchema(SCHEMAS.addition),
  allocation: avro.Type.forSchema(SCHEMAS.allocation),
  cleanup: avro.Type.forSchema(SCHEMAS.cleanup),
  snapshot: avro.Type.forSchema(SCHEMAS.snapshot),
} as const

const FORMATS: readonly BlockFormat[] = ['text', 'values']
const KINDS: Readonly<Record<TrackerEvent['kind'], RecordKind>> = {
  addition: RECORD_KIND.blockAddition,
  allocation: RECORD_KIND.batchAllocation,
  cleanup: RECORD_KIND.batchCleanup,
  snapshot: RECORD_KIND.snapshot,
}

/** The record of a block whose bytes are `parts`, which are taken as they are, not copied. */
export function encodeAddition(
  head: Omit<BlockAddition, 'kind' | 'bytes'>,
  parts: readonly Uint8Array[],
): LogEntry {
  const format = FORMATS.indexOf(head.format)
  const encoded = types.addition.toBuffer({ ...head, format, producer: head.producer ?? null })
  const length = Buffer.alloc(4)
  length.writeUInt32LE(encoded.length)
  return { kind: KINDS.addition, parts: [length, encoded, ...parts] }
}

/** The record of an event. */
export function encodeEvent(event: TrackerEvent): LogEntry {
  const kind = KINDS[event.kind]
  switch (event.kind) {
    case 'addition':
      return encodeAddition(event, [event.bytes])
    case 'allocation':
      return { kind, parts: [types.allocation.toBuffer(event)] }
    case 'cleanup':
      return { kind, parts: [types.cleanup.toBuffer(withBuffer(event))] }
    case 'snapshot': {
      const cleanup = event.cleanup && withBuffer(event.cleanup)
      return { kind, parts: [types.snapshot.toBuffer({ ...event, cleanup })] }
    }
  }
}

/** Avro takes bytes as a Buffer only. */
const withBuffer = <T extends { readonly digest: Uint8Array }>(value: T): T => ({
  ...value,
  digest: Buffer.from(value.digest),
})

/**
 * Throws a RangeError or what Avro throws on a payload that no encoder made. The bytes of a block
 * are a view.
 */
export function decodeEvent(kind: RecordKind, payload: Uint8Array): TrackerEvent {
  const buffer = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  switch (kind) {
    case RECORD_KIND.blockAddition:
      return decodeAddition(buffer)
    case RECORD_KIND.batchAllocation:
      return { ...(types.allocation.fromBuffer(buffer) as BatchAllocation), kind: 'allocation' }
    case RECORD_KIND.batchCleanup: {
      const cleanup = types.cleanup.fromBuffer(buffer) as BatchCleanup
      return { ...cleanup, digest: Uint8Array.from(cleanup.digest), kind: 'cleanup' }
    }
    case RECORD_KIND.snapshot: {
      const snapshot = types.snapshot.fromBuffer(buffer) as Snapshot
      const { cleanup } = snapshot
      const copied = cleanup && { ...cleanup, digest: Uint8Array.from(cleanup.digest) }
      return { ...snapshot, cleanup: copied, kind: 'snapshot' }
    }
    default:
      return unreachable(kind)
  }
}

interface AdditionHead {
  readonly streamId: number
  readonly format: number
  readonly records: number
  readonly producer: Producer | null
  readonly receivedAt: number
}

function decodeAddition(payload: Buffer): BlockAddition {
  const start = 4 + payload.readUInt32LE(0)
  if (start > payload.length) throw new RangeError('a block addition is cut')
  const head = types.addition.fromBuffer(payload.subarray(4, start)) as AdditionHead
  const { streamId, records, receivedAt, producer } = head
  const format = FORMATS[head.format]
  if (format === undefined) throw new RangeError(`unknown block format ${String(head.format)}`)
  const bytes = new Uint8Array(payload.buffer, payload.byteOffset + start, payload.length - start)
  const block = { kind: 'addition', streamId, format, records, receivedAt, bytes } as const
  return producer === null ? block : { ...block, producer: { ...producer } }
}
