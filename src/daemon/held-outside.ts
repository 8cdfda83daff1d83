/**
 * What a directory's checkpoint says of things outside log and stores: the names of inputs, and the
 * committed files that wait to be published. Nothing is changed; the caller owns the directory.
 */
import { restore, storeDirectory, type StoreName } from '../../checkpoint/store-directory.ts'
import { unwrapValue } from '../../checkpoint/wrapped-value.ts'
import { decodeProgress, PROGRESS_KEY, STAGE_PREFIX, stageCommit } from '../engine/layout.ts'
import { decodeStaged } from '../engine/staged-output.ts'
import type { Host } from '../host/host.ts'
import { digestFile } from '../sinks/durable-files.ts'
import { decodeStagedFile, type StagedFile } from '../sinks/staged-file.ts'

export interface StagedFinding {
  readonly file: string
  /** Undefined: as it was committed, or published already. */
  readonly wrong: string | undefined
}

export interface Held {
  readonly streams: ReadonlyMap<number, string>
  readonly staged: readonly StagedFinding[]
}

/** `receipt`: the newest commit that is known to be published. */
export async function readHeld(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  name: StoreName | undefined,
  receipt: number,
): Promise<Held> {
  if (name === undefined) return { streams: new Map(), staged: [] }
  const at = storeDirectory(directory, name)
  const store = await host.stores.open(at.path, { create: false, keep: at.keep })
  try {
    const wrapped = await store.get(PROGRESS_KEY)
    const progress = wrapped === undefined ? undefined : unwrapValue(PROGRESS_KEY, wrapped)
    const streams = progress === undefined ? {} : decodeProgress(progress).streams
    const staged: StagedFinding[] = []
    for await (const [key, value] of store.entries({ from: STAGE_PREFIX })) {
      if (!key.startsWith(STAGE_PREFIX)) break
      const of = unwrapValue(key, value)
      if (of === undefined || stageCommit(key) <= receipt) continue
      const output = decodeStaged(of)
      if (output.kind !== 'textFiles') continue
      for (const { payload } of output.parts) {
        staged.push(await findingOf(host.fs, decodeStagedFile(payload)))
      }
    }
    return { streams: new Map(Object.entries(streams).map(([uid, n]) => [n, uid])), staged }
  } finally {
    await store.close()
    await restore(host.fs, at)
  }
}

async function findingOf(fs: Host['fs'], staged: StagedFile): Promise<StagedFinding> {
  const waiting = `${staged.staging}/${staged.name}`
  const published = `${staged.target}/${staged.name}`
  const file = (await fs.stat(waiting)) === undefined ? published : waiting
  const digest = await digestFile(fs, file)
  if (digest === undefined) {
    return { file: waiting, wrong: 'is gone: the committed output cannot be published' }
  }
  const same = digest.bytes === staged.bytes && digest.crc32c === staged.crc32c
  return { file, wrong: same ? undefined : 'has other content than what was committed' }
}
