/**
 * Publication: what a committed batch staged becomes visible. It runs after the commit and again
 * after a crash, until the batch's BatchCleanup (its receipt) is in the log; so each kind is
 * idempotent by the output's address.
 *
 * `print` goes to the terminal and `rows` to the embedding program: they may be seen twice after a
 * crash between publication and receipt. Text files are exactly once: their directory appears by
 * one rename.
 */
import { isDiskFull } from '../base/disk-full.ts'
import { messageOf, MillraceError } from '../base/errors.ts'
import { utf8Text } from '../base/bytes.ts'
import type { FileSystem } from '../host/host.ts'
import type { OutputShape } from '../dstream/shape.ts'
import { publishTextFiles, removeStale } from '../sinks/text-files.ts'
import type { TextFilesPlace } from '../sinks/text-paths.ts'
import type { StagedOutput } from './staged-output.ts'

export interface PublisherOptions {
  readonly fs: FileSystem
  readonly place: TextFilesPlace
  onPrint(text: string): void
  /** Rows of a `rows` output: each payload is a serialized array, by partition. */
  onRows?(staged: StagedOutput): void
  /** Of the program. */
  readonly outputs: readonly OutputShape[]
}

export interface Publisher {
  /** Rejects with `MR_OUTPUT_FAILED`, `MR_DISK_FULL` (try again) or `MR_STAGED_OUTPUT_LOST`. */
  publish(staged: StagedOutput): Promise<void>
  /**
   * Removes what attempts staged that were never committed. Call when everything committed is
   * published, between attempts.
   */
  sweep(): Promise<void>
}

export function createPublisher(options: PublisherOptions): Publisher {
  return {
    async publish(staged) {
      switch (staged.kind) {
        case 'print':
          for (const part of staged.parts) options.onPrint(utf8Text(part.payload))
          return
        case 'rows':
          options.onRows?.(staged)
          return
        case 'textFiles':
          await publishFiles(options, staged)
          return
        case 'foreachRDD':
        case 'foreachPartition':
          return
      }
    },
    async sweep() {
      const files = options.outputs.filter((output) => output.kind === 'textFiles')
      await removeStale(options.fs, files, options.place, new Set())
    },
  }
}

async function publishFiles(options: PublisherOptions, staged: StagedOutput): Promise<void> {
  try {
    await publishTextFiles(options.fs, staged, options.place)
  } catch (error) {
    if (error instanceof MillraceError && error.code !== 'MR_SHORT_WRITE') throw error
    const code = isDiskFull(error) ? 'MR_DISK_FULL' : 'MR_OUTPUT_FAILED'
    throw new MillraceError(code, `publishing '${staged.uid}': ${messageOf(error)}`, {
      cause: error,
    })
  }
}
