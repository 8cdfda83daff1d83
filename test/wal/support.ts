/**
 * What the tests of the log share: a directory in memory, its copies, and ways to open and fill it.
 */
import { createHash } from 'node:crypto'

import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { FileSystem } from '../../src/host/host.ts'
import type { Log, LogOptions, LogReport } from '../../wal/contract.ts'
import { openLog } from '../../wal/log.ts'
import { RECORD_KIND, type LogEntry } from '../../wal/record.ts'

export const DIRECTORY = '/data/log'
export const IDENTITY = Uint8Array.from({ length: 16 }, (_, i) => i + 1)
export const SEGMENT_BYTES = 16 * 1024

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
export const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')

export const entryOf = (text: string): LogEntry => ({
  kind: RECORD_KIND.blockAddition,
  parts: [bytesOf(text)],
})

export interface Opened {
  readonly log: Log
  readonly report: LogReport
  /** Payloads in the order in which `apply` saw them; snapshots are left out. */
  readonly applied: string[]
  readonly snapshots: string[]
}

/** Opens the log; its snapshot is the number of records applied so far. */
export async function open(fs: FileSystem, options: Partial<LogOptions> = {}): Promise<Opened> {
  const applied: string[] = []
  const snapshots: string[] = []
  let count = 0
  const opened = await openLog(
    { fs, clock: new ManualClock() },
    {
      directory: DIRECTORY,
      identity: IDENTITY,
      segmentBytes: SEGMENT_BYTES,
      apply({ kind, payload }) {
        if (kind === RECORD_KIND.snapshot) {
          snapshots.push(textOf(payload))
          if (applied.length === 0) count = Number(textOf(payload))
          return
        }
        applied.push(textOf(payload))
        count += 1
      },
      snapshot: () => [{ kind: RECORD_KIND.snapshot, parts: [bytesOf(String(count))] }],
      ...options,
    },
  )
  return { ...opened, applied, snapshots }
}

/** A copy of all files of the log's directory. */
export async function copyOf(fs: FileSystem, directory = DIRECTORY): Promise<MemoryFileSystem> {
  const copy = new MemoryFileSystem()
  await copy.makeDirectory(directory)
  for (const [name, bytes] of await filesOf(fs, directory)) {
    await copy.writeFileDurably(`${directory}/${name}`, bytes)
  }
  return copy
}

export async function filesOf(
  fs: FileSystem,
  directory = DIRECTORY,
): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  for (const name of (await fs.list(directory)) ?? []) {
    files.set(name, await fs.readFile(`${directory}/${name}`))
  }
  return files
}

/** Equal for two directories only when every byte is. */
export async function fingerprintOf(fs: FileSystem): Promise<string> {
  const hash = createHash('sha256')
  for (const [name, bytes] of await filesOf(fs)) {
    hash.update(`${name} ${String(bytes.length)}\n`).update(bytes)
  }
  return hash.digest('hex')
}

export async function segmentsOf(fs: FileSystem): Promise<readonly string[]> {
  return ((await fs.list(DIRECTORY)) ?? []).filter((name) => name.endsWith('.wal'))
}

/** Changes the bytes of a file in place. */
export async function change(
  fs: FileSystem,
  name: string,
  f: (bytes: Uint8Array) => Uint8Array,
): Promise<void> {
  const path = `${DIRECTORY}/${name}`
  const bytes = f((await fs.readFile(path)).slice())
  await fs.unlink(path)
  await fs.writeFileDurably(path, bytes)
}

export function flip(bytes: Uint8Array, bit: number): Uint8Array {
  const at = Math.floor(bit / 8)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << (bit % 8))
  return bytes
}

/** The error a promise rejects with. */
export async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('it was expected to fail')
}
