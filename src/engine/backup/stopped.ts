/**
 * What a backup of a directory nobody runs on is made from: the newest verified store, and the log
 * up to its end. Nothing is mended and nothing changed; the caller owns the directory.
 */
import { readStore } from '../../../checkpoint/read-store.ts'
import { snapshotOf } from '../../../checkpoint/snapshot.ts'
import { restore, storeDirectory } from '../../../checkpoint/store-directory.ts'
import { verifyCheckpoint } from '../../../checkpoint/verify.ts'
import { witnessOf } from '../../../wal/lineage.ts'
import { scanLog, type ScannedSegment, type ScanOptions } from '../../../wal/scan.ts'
import { equalBytes } from '../../base/bytes.ts'
import { MillraceError } from '../../base/errors.ts'
import { decodeEvent } from '../../blocks/events.ts'
import { Tracker } from '../../blocks/tracker.ts'
import type { Host } from '../../host/host.ts'
import { decodeStagedFile, type StagedFile } from '../../sinks/staged-file.ts'
import { checkAgreement } from '../agreement.ts'
import { directoryLayout } from '../directory.ts'
import { knownIdentity } from '../identity.ts'
import { STAGE_PREFIX, stageCommit } from '../layout.ts'
import { decodeStaged } from '../staged-output.ts'
import type { BackupSource } from './write-backup.ts'
import { unwrapValue } from '../../../checkpoint/wrapped-value.ts'

/**
 * Hands the source to `use`. Throws damage: of the log, or of both stores; and
 * `MR_DIRECTORY_FOREIGN` where log and checkpoint do not belong together.
 */
export async function withStoppedSource<T>(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  use: (source: BackupSource) => Promise<T>,
): Promise<T> {
  const identity = await knownIdentity(host.fs, directory)
  const name = await newestStore(host, directory, identity)
  const at = storeDirectory(directory, name)
  const store = await host.stores.open(at.path, { create: false, keep: at.keep })
  try {
    const { newest, live, problems } = await readStore(store, { identity })
    if (newest === undefined || problems.length > 0) throw damaged(problems.join('; '))
    const { segments, end, tracker } = await readLog(host, directory, identity, {
      provenDurable: newest.logPosition,
      witness: witnessOf(newest),
    })
    checkAgreement(newest, tracker)
    const staged: StagedFile[] = []
    for (const key of live.keys()) {
      const wrapped = key.startsWith(STAGE_PREFIX) ? await store.get(key) : undefined
      const value = wrapped === undefined ? undefined : unwrapValue(key, wrapped)
      if (value === undefined || stageCommit(key) <= (tracker.cleanup?.commit ?? -1)) continue
      staged.push(...(await stagedFilesOf(host.fs, value)))
    }
    const checkpoint = await snapshotOf([store], newest, live)
    const kept = segments.map(({ header }) => header)
    return await use({ directory, live: false, log: { segments: kept, end }, checkpoint, staged })
  } finally {
    await store.close()
    await restore(host.fs, at)
  }
}

/** Of an unpublished output: the files that are still there. */
async function stagedFilesOf(fs: Host['fs'], value: Uint8Array): Promise<StagedFile[]> {
  const output = decodeStaged(value)
  if (output.kind !== 'textFiles') return []
  const files = output.parts.map(({ payload }) => decodeStagedFile(payload))
  const there: StagedFile[] = []
  for (const file of files) {
    if ((await fs.stat(`${file.staging}/${file.name}`)) !== undefined) there.push(file)
  }
  return there
}

async function newestStore(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  identity: Uint8Array,
): Promise<'checkpoint-a' | 'checkpoint-b'> {
  const stores = await verifyCheckpoint(host, directory)
  const good = stores.filter(
    ({ root, problems }) =>
      problems.length === 0 && root !== undefined && equalBytes(root.identity, identity),
  )
  const newest = good.toSorted((a, b) => (b.root?.number ?? 0) - (a.root?.number ?? 0))[0]
  if (newest !== undefined) return newest.name
  throw damaged(
    stores.flatMap(({ name, problems }) => problems.map((p) => `${name}: ${p}`)).join('; '),
  )
}

const damaged = (why: string): MillraceError =>
  new MillraceError('MR_CHECKPOINT_DAMAGED', `neither store can be used: ${why}`)

async function readLog(
  host: Pick<Host, 'fs'>,
  directory: string,
  identity: Uint8Array,
  proven: Pick<ScanOptions, 'provenDurable' | 'witness'>,
): Promise<{ segments: ScannedSegment[]; end: number; tracker: Tracker }> {
  const segments: ScannedSegment[] = []
  const tracker = new Tracker()
  let end = 0
  for await (const event of scanLog(host.fs, directoryLayout(directory).log, {
    identity,
    ...proven,
  })) {
    if (event.kind === 'damage') throw event.error
    if (event.kind === 'segment') segments.push(event)
    if (event.kind === 'end') end = event.end?.position ?? 0
    if (event.kind !== 'group') continue
    for (const { kind, payload, ref } of event.records)
      tracker.apply(decodeEvent(kind, payload), ref)
  }
  tracker.checkWhole()
  return { segments, end, tracker }
}
