/**
 * Where things lie in the checkpoint: the names of its entries, and the small records the engine
 * itself keeps there.
 *
 *   engine/shape                          the graph's shape, JSON
 *   engine/progress                       Progress, JSON: what the next start has to know
 *   state/<uid>/<partition>/<piece>       pieces of a state partition (opaque to the driver)
 *   stage/<commit>/<output>               staged output of a committed batch, perhaps unpublished
 */
import { MillraceError } from '../base/errors.ts'
import { utf8, utf8Text } from '../base/bytes.ts'
import type { GraphShape } from '../dstream/shape.ts'

export const SHAPE_KEY = 'engine/shape'
export const PROGRESS_KEY = 'engine/progress'
export const STAGE_PREFIX = 'stage/'
export const STATE_PREFIX = 'state/'

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, '0')

export const stageKey = (commit: number, outputId: number): string =>
  `${STAGE_PREFIX}${hex(commit, 16)}/${hex(outputId, 4)}`

/** The commit number in a stage key. */
export const stageCommit = (key: string): number =>
  Number.parseInt(key.slice(STAGE_PREFIX.length, STAGE_PREFIX.length + 16), 16)

export const stateUidPrefix = (uid: string): string => `${STATE_PREFIX}${encodeURIComponent(uid)}/`

export const statePartitionPrefix = (uid: string, partition: number): string =>
  `${stateUidPrefix(uid)}${hex(partition, 4)}/`

/** What the engine itself must remember from one life to the next; committed with every batch. */
export interface Progress {
  /**
   * The time just before the first batch: all batch times are this plus a multiple of the interval.
   */
  readonly zeroTime: number
  /** Time of the last committed batch; equal to `zeroTime` before the first. */
  readonly time: number
  /** By uid of a direct input: the position up to which it is committed. */
  readonly positions: Readonly<Record<string, number>>
  /**
   * By uid of an input: its number in the log, given once and for good, so that a changed program
   * finds its blocks.
   */
  readonly streams: Readonly<Record<string, number>>
}

export const encodeProgress = (progress: Progress): Uint8Array => utf8(JSON.stringify(progress))

export function decodeProgress(bytes: Uint8Array): Progress {
  const value: unknown = parse(bytes, PROGRESS_KEY)
  if (
    isRecord(value) &&
    typeof value['zeroTime'] === 'number' &&
    typeof value['time'] === 'number' &&
    isNumbers(value['positions']) &&
    isNumbers(value['streams'])
  ) {
    return {
      zeroTime: value['zeroTime'],
      time: value['time'],
      positions: value['positions'],
      streams: value['streams'],
    }
  }
  throw damaged(PROGRESS_KEY)
}

function isNumbers(value: unknown): value is Record<string, number> {
  return isRecord(value) && Object.values(value).every((n) => typeof n === 'number')
}

export const encodeShape = (shape: GraphShape): Uint8Array => utf8(JSON.stringify(shape))

/**
 * The entry's own checksum has been verified by the checkpoint: only its form is looked at here.
 */
export function decodeShape(bytes: Uint8Array): GraphShape {
  const value: unknown = parse(bytes, SHAPE_KEY)
  if (isShape(value)) return value
  throw damaged(SHAPE_KEY)
}

function isShape(value: unknown): value is GraphShape {
  return (
    isRecord(value) &&
    typeof value['application'] === 'string' &&
    typeof value['batchMs'] === 'number' &&
    ['nodes', 'inputs', 'outputs', 'states'].every((name) => Array.isArray(value[name]))
  )
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(bytes: Uint8Array, key: string): unknown {
  try {
    return JSON.parse(utf8Text(bytes))
  } catch (error) {
    throw damaged(key, error)
  }
}

function damaged(key: string, cause?: unknown): MillraceError {
  return new MillraceError(
    'MR_CHECKPOINT_DAMAGED',
    `the checkpoint's entry '${key}' is unreadable`,
    {
      cause,
      details: { key },
    },
  )
}
