/**
 * Carries a repair out. What is replaced is renamed into `repair-<time>/original/`, what is changed
 * in place is copied there first; what takes its place was written and synced before.
 *
 * A crash at any line leaves the directory as it was, or without a log or store whose successor
 * stands in `repair-<time>/new/`: `resumeRepair`, which every repair begins with, puts that in its
 * place. A daemon started in between refuses the directory, or mends the store from the other.
 */
import { openCheckpoint } from '../../../checkpoint/checkpoint.ts'
import { writeFreshStores } from '../../../checkpoint/fresh-stores.ts'
import { RecordReader } from '../../../wal/reader.ts'
import { encodeSegmentHeader, segmentName } from '../../../wal/segment-format.ts'
import { utf8 } from '../../base/bytes.ts'
import type { RecordRef } from '../../../wal/record.ts'
import type { FileSystem, Host } from '../../host/host.ts'
import { copyFile } from '../backup/copy-file.ts'
import { checkSpace } from '../backup/new-directory.ts'
import { directoryLayout } from '../directory.ts'
import type { LogRebuild } from './assess-log.ts'
import type { RepairPlan } from './plan.ts'
import { readAddition, rebuiltBytes, writeLog } from './rebuild-log.ts'

export const REPAIR_PREFIX = 'repair-'

export interface Applied {
  /** Files with blocks that may have been counted already, one per stream. */
  readonly exported: readonly string[]
}

/** Finishes what an earlier repair began to put in place. True when it did something. */
export async function resumeRepair(fs: FileSystem, directory: string): Promise<boolean> {
  let resumed = false
  for (const name of (await fs.list(directory)) ?? []) {
    if (!name.startsWith(REPAIR_PREFIX)) continue
    const fresh = `${directory}/${name}/new`
    for (const part of (await fs.list(fresh)) ?? []) {
      const missing = (await fs.stat(`${directory}/${part}`)) === undefined
      const replaced = (await fs.stat(`${directory}/${name}/original/${part}`)) !== undefined
      if (!missing || !replaced) continue
      await fs.rename(`${fresh}/${part}`, `${directory}/${part}`)
      await fs.syncDirectory(directory)
      resumed = true
    }
    await fs.remove(fresh)
  }
  return resumed
}

/** `aside`: the directory of this repair. Throws `MR_DISK_FULL` before anything is changed. */
export async function applyRepair(
  host: Pick<Host, 'fs' | 'stores'>,
  plan: RepairPlan,
  aside: string,
  streamNames: ReadonlyMap<number, string>,
): Promise<Applied> {
  const { fs } = host
  const refs = refsOf(plan)
  await checkSpace(fs, plan.directory, await needed(fs, plan, refs), 'the repair')
  const [original, fresh] = [`${aside}/original`, `${aside}/new`]
  await fs.makeDirectory(original)
  await fs.makeDirectory(fresh)
  await fs.writeFileDurably(
    `${aside}/README`,
    utf8('What a repair replaced. Remove this directory when the data is known to be right.\n'),
  )
  await fs.syncDirectory(plan.directory)
  await rewriteHeaders(fs, plan, original)
  const exported =
    plan.log?.kind === 'rebuild'
      ? await exportDoubtful(fs, plan, plan.log, refs, aside, streamNames)
      : []
  await writeNew(host, plan, refs, fresh)
  await putInPlace(fs, plan, original, fresh)
  await mendStores(host, plan)
  return { exported }
}

const refsOf = ({ survey }: RepairPlan): ReadonlyMap<number, RecordRef> =>
  new Map(survey?.events.map(({ ref }) => [ref.position, ref]))

async function needed(
  fs: FileSystem,
  plan: RepairPlan,
  refs: ReadonlyMap<number, RecordRef>,
): Promise<number> {
  const { stores, log } = plan
  let bytes = 1024 * 1024
  if (stores.kind === 'mend') bytes += stores.bytes * 2
  if (stores.kind === 'rebuild') {
    for (const { value } of stores.proven.puts) bytes += value.length * 4
  }
  if (log?.kind === 'rebuild') bytes += rebuiltBytes(log, refs) * 2
  for (const { file } of plan.headers) bytes += (await fs.stat(file))?.bytes ?? 0
  return bytes
}

async function rewriteHeaders(fs: FileSystem, plan: RepairPlan, original: string): Promise<void> {
  for (const { file, header } of plan.headers) {
    await copyFile(fs, file, `${original}/${segmentName(header.number)}`)
    await fs.syncDirectory(original)
    const segment = await fs.openWrite(file)
    try {
      await segment.write(0, encodeSegmentHeader(header))
      await segment.sync()
    } finally {
      await segment.close()
    }
  }
}

async function writeNew(
  host: Pick<Host, 'fs' | 'stores'>,
  { directory, identity, log, stores, survey }: RepairPlan,
  refs: ReadonlyMap<number, RecordRef>,
  fresh: string,
): Promise<void> {
  if (stores.kind === 'rebuild') await writeFreshStores(host, fresh, each(stores.proven.puts))
  if (log?.kind === 'rebuild' && survey !== undefined) {
    const last = survey.segments.at(-1)?.header
    await writeLog(host.fs, `${fresh}/log`, log, {
      ...{ directory: directoryLayout(directory).log, refs, identity, end: survey.end },
      epoch: Math.max(1, last?.epoch ?? 0, rootEpoch(stores)),
    })
  }
  await host.fs.syncDirectory(fresh)
}

function rootEpoch(stores: RepairPlan['stores']): number {
  if (stores.kind === 'impossible') return 0
  return stores.kind === 'rebuild' ? stores.proven.root.epoch : stores.root.epoch
}

async function* each<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) yield await Promise.resolve(value)
}

/** One rename out, one rename in, each durable before the next. */
async function putInPlace(
  fs: FileSystem,
  { directory, log, stores, survey }: RepairPlan,
  original: string,
  fresh: string,
): Promise<void> {
  const out = async (from: string, name: string): Promise<void> => {
    if ((await fs.stat(from)) === undefined) return
    await fs.rename(from, `${original}/${name}`)
    await fs.syncDirectory(original)
  }
  for (const part of (await fs.list(fresh)) ?? []) {
    await out(`${directory}/${part}`, part)
    await fs.syncDirectory(directory)
    await fs.rename(`${fresh}/${part}`, `${directory}/${part}`)
    await fs.syncDirectory(directory)
  }
  if (stores.kind === 'mend') {
    for (const name of stores.aside) await out(`${directory}/${name}`, name)
    await fs.syncDirectory(directory)
  }
  if (log?.kind === 'drop') {
    const logDirectory = directoryLayout(directory).log
    const names = (await fs.list(logDirectory)) ?? []
    for (const name of names.filter((n) => n < segmentName(log.before) && n.endsWith('.wal'))) {
      await out(`${logDirectory}/${name}`, name)
      await fs.syncDirectory(logDirectory)
    }
  }
  if (survey !== undefined || stores.kind !== 'whole') await fs.remove(fresh)
}

async function mendStores(host: Pick<Host, 'fs' | 'stores'>, plan: RepairPlan): Promise<void> {
  if (plan.stores.kind !== 'mend') return
  const { directory, identity } = plan
  const { checkpoint } = await openCheckpoint(host, { directory, identity, create: false })
  await checkpoint.close()
}

async function exportDoubtful(
  fs: FileSystem,
  { directory }: RepairPlan,
  { doubtful }: LogRebuild,
  refs: ReadonlyMap<number, RecordRef>,
  aside: string,
  names: ReadonlyMap<number, string>,
): Promise<string[]> {
  const exported: string[] = []
  if (doubtful.length === 0) return exported
  await fs.makeDirectory(`${aside}/salvaged`)
  const reader = new RecordReader(fs, directoryLayout(directory).log)
  try {
    for (const streamId of new Set(doubtful.map((block) => block.streamId))) {
      const name = encodeURIComponent(names.get(streamId) ?? `stream-${String(streamId)}`)
      const path = `${aside}/salvaged/${name}`
      const file = await fs.create(path)
      let at = 0
      try {
        for (const { position } of doubtful.filter((block) => block.streamId === streamId)) {
          const ref = refs.get(position)
          if (ref === undefined) continue
          const { bytes } = readAddition(reader, ref)
          await file.write(at, bytes)
          at += bytes.length
        }
        await file.sync()
      } finally {
        await file.close()
      }
      exported.push(path)
    }
  } finally {
    await reader.close()
  }
  await fs.syncDirectory(`${aside}/salvaged`)
  return exported
}
