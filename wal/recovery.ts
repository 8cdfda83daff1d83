/**
 * Folds a scan into the caller's state. Read-only: when it throws, every byte of the directory is
 * as it was.
 *
 * It stops at the first damage. A torn tail is no error: it is cut by where the next segment
 * begins, and reported.
 */
import type { FileSystem } from '../src/host/host.ts'
import type { LogRecord } from './record.ts'
import { scanLog, type ScannedEnd, type ScannedSegment, type ScanOptions } from './scan.ts'

export interface Recovered {
  readonly segments: readonly ScannedSegment[]
  /** undefined when there is no log yet. */
  readonly end: ScannedEnd | undefined
  readonly records: number
  readonly bytes: number
  readonly tornBytes: number
}

/** Errors: MR_LOG_DAMAGED, MR_DIRECTORY_FOREIGN, MR_DIRECTORY_NEWER, and what `apply` throws. */
export async function recoverLog(
  fs: FileSystem,
  directory: string,
  options: ScanOptions & { apply(record: LogRecord): void },
): Promise<Recovered> {
  const segments: ScannedSegment[] = []
  let end: ScannedEnd | undefined
  let records = 0
  let bytes = 0
  let tornBytes = 0
  for await (const event of scanLog(fs, directory, options)) {
    switch (event.kind) {
      case 'damage':
        throw event.error
      case 'segment':
        segments.push(event)
        break
      case 'group':
        bytes += event.header.length
        records += event.records.length
        for (const record of event.records) options.apply(record)
        break
      case 'torn':
        tornBytes += event.bytes
        break
      case 'end':
        end = event.end
    }
  }
  return { segments, end, records, bytes, tornBytes }
}
