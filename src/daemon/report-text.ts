/** A directory's report in words, and as JSON. Pure. */
import type { StoreVerification } from '../../checkpoint/verify.ts'
import { pinWords } from '../blocks/pins.ts'
import type { DirectoryReport } from './directory-report.ts'
import { formatBytes } from './units.ts'

export function reportLines(report: DirectoryReport): string[] {
  const { identity, log } = report
  const { blockAddition, batchAllocation, batchCleanup } = log.records
  return [
    report.directory,
    `  application    ${identity.application} (id ${identity.id}, since ${identity.createdAt})`,
    `  log            ${String(log.segments)} segments (${formatBytes(log.fileBytes)} on disk), ` +
      `positions ${String(log.start)} to ${String(log.end)}, ` +
      `proven durable to ${String(log.durable)}`,
    `                 ${String(blockAddition)} blocks, ${String(batchAllocation)} allocations, ` +
      `${String(batchCleanup)} receipts in ${String(log.groups)} groups`,
    ...report.stores.map(storeLine),
    ...report.staged.map(({ file, wrong }) => `  staged         ${file}: ${wrong ?? 'whole'}`),
  ]
}

/** What pins the log, in words; the quota is a setting and not in the directory. */
export function pinLines({ log, pins, streams }: DirectoryReport): string[] {
  const oldest = pins[0]?.from
  const needed = oldest === undefined ? 0 : log.end - oldest
  const size =
    oldest === undefined
      ? 'nothing in the log is needed any more: it gets shorter at the next start'
      : `${formatBytes(needed)} are needed, from position ${String(oldest)} on; receiving pauses ` +
        'when that reaches logQuotaBytes (4 GiB unless set)'
  return [
    `  log needs      ${size}`,
    ...pins.map((pin) => `  pinned by      ${pinWords(pin, streams)}`),
  ]
}

function storeLine({ name, root, entries, bytes, problems }: StoreVerification): string {
  const state = problems.length === 0 ? 'whole' : `${String(problems.length)} problems`
  if (root === undefined) return `  ${name}   ${state}`
  const batch = root.time === 0 ? 'no batch yet' : `batch ${new Date(root.time).toISOString()}`
  return (
    `  ${name}   ${state}: commit ${String(root.number)} (${batch}), ` +
    `${String(entries)} entries, ${formatBytes(bytes)}`
  )
}

export function findingLines({ notes, problems }: DirectoryReport): string[] {
  return [
    ...notes.map((note) => `  note: ${note}`),
    ...problems.map((problem) => `  DAMAGED: ${problem}`),
  ]
}

/** The report as plain data: bytes become hex. */
export function reportJson(report: DirectoryReport): object {
  const { directory, identity, log, meaning, stores, problems, notes, pins, staged } = report
  const oldestNeeded = pins[0]?.from ?? null
  const neededBytes = oldestNeeded === null ? 0 : log.end - oldestNeeded
  return {
    directory,
    identity,
    meaning,
    log: { ...log, oldestNeeded, neededBytes },
    pinnedBy: pins.map((pin) => ({ ...pin, words: pinWords(pin, report.streams) })),
    staged,
    checkpoint: stores.map(({ name, root, entries, bytes, problems: wrong }) => ({
      name,
      commit: root?.number,
      batchTime: root?.time,
      epoch: root?.epoch,
      logPosition: root?.logPosition,
      digest: root === undefined ? undefined : Buffer.from(root.digest).toString('hex'),
      entries,
      bytes,
      problems: wrong,
    })),
    notes,
    problems,
  }
}
