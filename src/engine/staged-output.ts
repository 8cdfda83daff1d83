/**
 * One output's staged rows as they lie in a commit: enough to publish them again after a crash
 * without the program.
 *
 *   staged := uid kind parameters(JSON) time attempt outputId  count × (partition payload)
 *   texts and payloads are varint-length-prefixed, numbers varints
 */
import { ByteReader, ByteWriter } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'
import type { StagedPart } from '../dstream/batch.ts'
import type { Json, OutputKind, OutputShape } from '../dstream/shape.ts'

export interface StagedOutput {
  readonly outputId: number
  readonly uid: string
  readonly kind: OutputKind
  readonly parameters: Readonly<Record<string, Json>>
  /** Batch time in ms. */
  readonly time: number
  readonly attempt: number
  /** In partition order. */
  readonly parts: readonly StagedPart[]
}

const KINDS: Readonly<Record<OutputKind, true>> = {
  print: true,
  textFiles: true,
  foreachRDD: true,
  foreachPartition: true,
  rows: true,
}

/** Kinds whose effects happen in the attempt itself, at least once: nothing of them is staged. */
export const isStaged = (output: OutputShape): boolean =>
  output.kind !== 'foreachRDD' && output.kind !== 'foreachPartition'

export function encodeStaged(staged: StagedOutput): Uint8Array {
  const w = new ByteWriter(1024)
  w.text(staged.uid).text(staged.kind).text(JSON.stringify(staged.parameters))
  w.varint(staged.time).varint(staged.attempt).varint(staged.outputId).varint(staged.parts.length)
  for (const part of staged.parts) w.varint(part.partition).bytes(part.payload)
  return w.finish()
}

export function decodeStaged(bytes: Uint8Array): StagedOutput {
  try {
    const r = new ByteReader(bytes)
    const uid = r.text()
    const kind = r.text()
    const parameters: unknown = JSON.parse(r.text())
    if (!isKind(kind) || !isParameters(parameters)) throw new RangeError('not a staged output')
    const time = r.varint()
    const attempt = r.varint()
    const outputId = r.varint()
    const parts: StagedPart[] = []
    for (let n = r.varint(); n > 0; n--) {
      parts.push({ partition: r.varint(), payload: r.bytes() })
    }
    return { outputId, uid, kind, parameters, time, attempt, parts }
  } catch (error) {
    throw new MillraceError(
      'MR_CHECKPOINT_DAMAGED',
      'a staged output in the checkpoint is unreadable',
      {
        cause: error,
      },
    )
  }
}

const isKind = (kind: string): kind is OutputKind => Object.hasOwn(KINDS, kind)

function isParameters(value: unknown): value is Record<string, Json> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
