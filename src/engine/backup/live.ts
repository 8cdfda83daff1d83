/**
 * A backup of a running engine: at a commit boundary (no batch is between its commit and its
 * receipt) the log is held and the stores are seen as they are; then everything goes on while they
 * are copied.
 */
import type { Checkpoint } from '../../../checkpoint/checkpoint.ts'
import type { CheckpointSnapshot } from '../../../checkpoint/snapshot.ts'
import type { LogHold } from '../../../wal/contract.ts'
import { MillraceError } from '../../base/errors.ts'
import type { BlockStore } from '../../blocks/block-store.ts'
import type { Host } from '../../host/host.ts'
import { readIdentity } from '../identity.ts'
import type { Manifest } from './manifest.ts'
import { type BackupOptions, checkTarget, writeBackup } from './write-backup.ts'

export interface LiveBackupOptions extends BackupOptions {
  /** Identity that the directory is expected to have, 32 hex digits. */
  readonly id?: string | undefined
}

interface LiveParts {
  readonly opened: { readonly checkpoint: Checkpoint; readonly blocks: BlockStore }
  readonly loop: {
    /** Runs `work` while no batch is between its commit and its receipt. */
    atBoundary<T>(work: () => Promise<T>): Promise<T>
  }
}

export class LiveBackups {
  readonly #host: Pick<Host, 'fs' | 'stores' | 'clock'>
  readonly #directory: string | undefined
  readonly #stopping: AbortSignal
  #running: Promise<unknown> | undefined

  /** `stopping` ends a backup that is under way. */
  constructor(
    options: {
      readonly host: Pick<Host, 'fs' | 'stores' | 'clock'>
      readonly directory: string | undefined
    },
    stopping: AbortSignal,
  ) {
    this.#host = options.host
    this.#directory = options.directory
    this.#stopping = stopping
  }

  /**
   * `parts`: once everything that was committed before is published. Throws `MR_STATE_INVALID`
   * without them, without a directory and while another one runs, `MR_DIRECTORY_FOREIGN` where the
   * directory is not the one that was meant, and what `writeBackup` throws.
   */
  async run(parts: LiveParts | undefined, options: LiveBackupOptions): Promise<Manifest> {
    const directory = this.#directory
    if (parts === undefined || directory === undefined) {
      throw new MillraceError('MR_STATE_INVALID', 'the server is still starting; see /startupz')
    }
    if (this.#running !== undefined) {
      throw new MillraceError('MR_STATE_INVALID', 'a backup is under way already: wait for it')
    }
    const running = this.#run(directory, parts, options)
    this.#running = running.catch(() => undefined)
    try {
      return await running
    } finally {
      this.#running = undefined
    }
  }

  /** Resolves when none is under way any more. */
  async ended(): Promise<void> {
    await this.#running
  }

  async #run(
    directory: string,
    { opened, loop }: LiveParts,
    options: LiveBackupOptions,
  ): Promise<Manifest> {
    checkTarget(directory, options.target)
    const { id } = await readIdentity(this.#host.fs, directory)
    if (options.id !== undefined && options.id !== id) {
      throw new MillraceError(
        'MR_DIRECTORY_FOREIGN',
        `this server runs on ${directory} (id ${id}), not on the directory that was meant`,
      )
    }
    const signals = [this.#stopping, ...(options.signal === undefined ? [] : [options.signal])]
    const signal = AbortSignal.any(signals)
    options.onProgress?.({ step: 'waiting', done: 0, total: 0 })
    const { hold, checkpoint } = await loop.atBoundary(async () => {
      signal.throwIfAborted()
      return await freeze(opened)
    })
    try {
      const source = { directory, live: true, log: hold, checkpoint, staged: [] }
      return await writeBackup(this.#host, source, { ...options, signal })
    } finally {
      await hold.letGo()
    }
  }
}

async function freeze({
  blocks,
  checkpoint,
}: LiveParts['opened']): Promise<{ hold: LogHold; checkpoint: CheckpointSnapshot }> {
  await blocks.log.sync()
  const hold = await blocks.log.hold()
  try {
    return { hold, checkpoint: await checkpoint.snapshot() }
  } catch (error) {
    await hold.letGo()
    throw error
  }
}
