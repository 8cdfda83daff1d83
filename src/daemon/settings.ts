/**
 * The one table of settings: names, types, limits, defaults and words. Flags, environment
 * variables, the configuration file, `--help` and `docs/configuration.md` are all made from it.
 */
import { Type } from '@sinclair/typebox'
import type { Static, TObject, TSchema } from '@sinclair/typebox'
import { SEGMENT_BYTES_MAX, SEGMENT_HEADER_BYTES } from '../../wal/limits.ts'
import { DEFAULT_SETTINGS } from '../engine/settings.ts'
import { SUPERVISION_DEFAULTS } from './supervision.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** How a setting is written as text: what a flag or an environment variable is parsed as. */
export type Unit = 'text' | 'count' | 'bytes' | 'ms'

const text = (description: string, byDefault: string, options: { minLength?: number } = {}) =>
  Type.String({ ...options, description, default: byDefault, unit: 'text' })

const count = (description: string, byDefault: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: byDefault, minimum, maximum, unit: 'count' })

const bytes = (
  description: string,
  byDefault: number,
  minimum: number,
  maximum: number,
  multipleOf = 1,
) => Type.Integer({ description, default: byDefault, minimum, maximum, multipleOf, unit: 'bytes' })

const ms = (description: string, byDefault: number, minimum: number, maximum: number) =>
  Type.Integer({ description, default: byDefault, minimum, maximum, unit: 'ms' })

const choice = <const V extends readonly string[]>(
  description: string,
  byDefault: V[number],
  values: V,
) =>
  Type.Unsafe<V[number]>(
    Type.Union(
      values.map((value) => Type.Literal(value)),
      { description, default: byDefault, unit: 'text' },
    ),
  )

const group = <P extends Record<string, TSchema>>(properties: P): TObject<P> =>
  Type.Object(properties, { additionalProperties: false })

const DAY_MS = 86_400_000

export const SETTINGS = group({
  dataDir: text('Where the server keeps log, checkpoint and programs.', './millrace-data', {
    minLength: 1,
  }),
  executors: count(
    'Processes that run the program. Default: the number of processors, from 1 to 8.',
    0,
    1,
    64,
  ),
  durability: choice(
    'When a record counts as stored: `sync` after it is on disk, ' +
      '`interval` within 100 ms of that, `none` when the system pleases.',
    DEFAULT_SETTINGS.durability,
    ['sync', 'interval', 'none'],
  ),
  admin: group({
    host: text('Address of the admin API. Loopback addresses only.', '127.0.0.1'),
    port: count('Port of the admin API; 0 takes a free one.', 4040, 0, 65_535),
  }),
  segmentBytes: bytes(
    `Size of a log segment: a multiple of ${String(SEGMENT_HEADER_BYTES)} bytes.`,
    DEFAULT_SETTINGS.segmentBytes,
    1 * MIB,
    SEGMENT_BYTES_MAX,
    SEGMENT_HEADER_BYTES,
  ),
  logQuotaBytes: bytes(
    'Receiving pauses when so much of the log is still needed.',
    DEFAULT_SETTINGS.logQuotaBytes,
    2 * MIB,
    1024 * 1024 * 1024 * MIB,
  ),
  logKeepBytes: bytes(
    'So many bytes of the log stay although nothing needs them.',
    DEFAULT_SETTINGS.logKeepBytes,
    0,
    1024 * 1024 * 1024 * MIB,
  ),
  logKeepMs: ms(
    'What was written to the log in so long stays although nothing needs it.',
    DEFAULT_SETTINGS.logKeepMs,
    0,
    365 * DAY_MS,
  ),
  diskReserveBytes: bytes(
    'Receiving pauses when less than this is free on the disk; batches go on.',
    DEFAULT_SETTINGS.diskReserveBytes,
    0,
    1024 * 1024 * MIB,
  ),
  batchBytesMax: bytes(
    'Most input that one batch takes.',
    DEFAULT_SETTINGS.batchBytesMax,
    64 * KIB,
    1024 * MIB,
  ),
  partitions: count(
    'Partitions of shuffles, and of states that name no number: fixed once there is such a state.',
    DEFAULT_SETTINGS.partitions,
    1,
    4096,
  ),
  executorMemoryMb: count('Heap limit of an executor in MiB.', 1024, 64, 65_536),
  hangTimeoutMs: ms(
    'An executor that does not answer for so long while a batch runs is replaced.',
    10_000,
    2000,
    DAY_MS,
  ),
  attemptTimeoutMs: ms('An attempt at a batch may take so long.', 300_000, 5000, DAY_MS),
  maxAttempts: count(
    'Attempts at a batch before it is held as blocked.',
    DEFAULT_SETTINGS.maxAttempts,
    1,
    1000,
  ),
  retryBackoffMs: ms(
    'Wait before the second attempt; doubled for each further one, up to 10 s.',
    DEFAULT_SETTINGS.retryBackoffMs,
    0,
    10_000,
  ),
  stopTimeoutMs: ms(
    'A graceful stop may take so long; what is left then runs at the next start.',
    SUPERVISION_DEFAULTS.stopTimeoutMs,
    0,
    DAY_MS,
  ),
  logLevel: choice('Least severe messages to log.', 'info', ['debug', 'info', 'warn', 'error']),
  supervise: group({
    maxRestarts: count(
      'With --supervise: deaths in a row without a commit between them before giving up.',
      SUPERVISION_DEFAULTS.maxRestarts,
      1,
      1000,
    ),
    backoffMinMs: ms(
      'Wait before a restart, but none before the first one after a commit; doubled for each ' +
        'further one.',
      SUPERVISION_DEFAULTS.backoffMinMs,
      0,
      DAY_MS,
    ),
    backoffMaxMs: ms(
      'Longest wait before a restart.',
      SUPERVISION_DEFAULTS.backoffMaxMs,
      0,
      DAY_MS,
    ),
    standby: choice(
      'With --supervise: whether a second daemon with its executors is held ready to take over.',
      'on',
      ['on', 'off'],
    ),
  }),
})

export type Settings = Static<typeof SETTINGS>

export interface Setting {
  /** `admin.port`: how it is written in a configuration file. */
  readonly key: string
  readonly path: readonly string[]
  /** `--admin-port` */
  readonly flag: string
  /** `MILLRACE_ADMIN_PORT` */
  readonly variable: string
  readonly unit: Unit
  readonly schema: TSchema
  readonly description: string
  readonly byDefault: string | number
}

/** Every setting, in the order of the table. */
export const SETTING_LIST: readonly Setting[] = flatten(SETTINGS, [])

function flatten(schema: TObject, path: readonly string[]): Setting[] {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const here = [...path, name]
    return isGroup(property) ? flatten(property, here) : [setting(here, property)]
  })
}

function setting(path: readonly string[], schema: TSchema): Setting {
  const words = path.flatMap((part) => part.split(/(?=[A-Z])/)).map((word) => word.toLowerCase())
  const byDefault: unknown = schema.default
  return {
    key: path.join('.'),
    path,
    flag: `--${words.join('-')}`,
    variable: `MILLRACE_${words.join('_').toUpperCase()}`,
    unit: unitOf(schema),
    schema,
    description: schema.description ?? '',
    byDefault: typeof byDefault === 'number' ? byDefault : String(byDefault),
  }
}

function isGroup(schema: TSchema): schema is TObject {
  return schema['type'] === 'object'
}

function unitOf(schema: TSchema): Unit {
  const unit: unknown = schema['unit']
  return unit === 'count' || unit === 'bytes' || unit === 'ms' ? unit : 'text'
}

/** The default of `executors` on a machine with so many processors. */
export const defaultExecutors = (processors: number): number =>
  Math.min(8, Math.max(1, Math.trunc(processors)))
