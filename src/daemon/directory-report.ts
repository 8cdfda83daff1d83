/**
 * Everything that can be found out about a data directory nobody runs on: every byte of the log and
 * of both stores is read. Log and checkpoint are also held against each other. Nothing is mended.
 * The caller owns the directory.
 */
import { scanLog } from '../../wal/scan.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import type { RecordKind } from '../../wal/record.ts'
import { verifyCheckpoint } from '../../checkpoint/verify.ts'
import type { StoreVerification } from '../../checkpoint/verify.ts'
import type { Root } from '../../checkpoint/root.ts'
import { equalBytes } from '../base/bytes.ts'
import { isMillraceError } from '../base/errors.ts'
import { decodeEvent } from '../blocks/events.ts'
import { checkAgreement } from '../engine/agreement.ts'
import type { Receipt } from '../engine/agreement.ts'
import { directoryLayout } from '../engine/directory.ts'
import { readIdentity } from '../engine/identity.ts'
import type { IdentityRecord } from '../engine/identity.ts'
import type { Host } from '../host/host.ts'

export interface LogReport {
  readonly segments: number
  readonly groups: number
  readonly records: Readonly<Record<keyof typeof RECORD_KIND, number>>
  readonly fileBytes: number
  /**
   * Positions of the first byte kept, behind the last whole group, and up to where everything is
   * proven durable.
   */
  readonly start: number
  readonly end: number
  readonly durable: number
  /** Bytes behind the end that a crash cut short. */
  readonly tornBytes: number
}

export interface DirectoryReport {
  readonly directory: string
  readonly identity: IdentityRecord
  readonly log: LogReport
  readonly stores: readonly StoreVerification[]
  /** The newest root of a store without problems. */
  readonly root: Root | undefined
  /** What is wrong, in plain words; empty when nothing is. */
  readonly problems: readonly string[]
  /** What is worth knowing and not wrong. */
  readonly notes: readonly string[]
}

export async function reportDirectory(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
): Promise<DirectoryReport> {
  const problems: string[] = []
  const notes: string[] = []
  const identity = await readIdentity(host.fs, directory)
  const stores = await verifyCheckpoint(host, directory)
  const root = judgeStores(stores, identity, problems, notes)
  const proven = Math.max(1, ...stores.map((store) => provenBy(store, identity)))
  const { log, receipt } = await reportLog(host, directory, identity, proven, problems, notes)
  if (root !== undefined) judgeAgreement(root, receipt, problems)
  return { directory, identity, log, stores, root, problems, notes }
}

/** What a root proves of the log is true whatever else is wrong with its store. */
const provenBy = ({ root }: StoreVerification, { id }: IdentityRecord): number =>
  root !== undefined && Buffer.from(root.identity).toString('hex') === id ? root.logPosition : 0

function judgeStores(
  stores: readonly [StoreVerification, StoreVerification],
  identity: IdentityRecord,
  problems: string[],
  notes: string[],
): Root | undefined {
  const good: { readonly name: string; readonly root: Root }[] = []
  for (const { name, root, problems: wrong } of stores) {
    for (const problem of wrong) problems.push(`${name}: ${problem}`)
    if (wrong.length > 0 || root === undefined) continue
    if (Buffer.from(root.identity).toString('hex') === identity.id) good.push({ name, root })
    else problems.push(`${name}: it belongs to another data directory`)
  }
  const [a, b] = good
  if (a === undefined) {
    problems.push('no store is whole: there is nothing to start from')
    return undefined
  }
  if (b === undefined) {
    notes.push(`${a.name} is whole: the next start keeps the other aside and makes it again`)
    return a.root
  }
  const [newer, older] = a.root.number >= b.root.number ? [a, b] : [b, a]
  if (newer.root.number > older.root.number) {
    notes.push(
      `${older.name} is one commit behind, as a crash leaves it: the next start brings it up`,
    )
  } else if (!equalBytes(a.root.digest, b.root.digest)) {
    problems.push('the stores are at the same commit and differ: which one is right cannot be told')
    return undefined
  }
  return newer.root
}

function judgeAgreement(root: Root, receipt: Receipt | undefined, problems: string[]): void {
  try {
    checkAgreement(root, { cleanup: receipt })
  } catch (error) {
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    problems.push(error.message)
  }
}

async function reportLog(
  host: Pick<Host, 'fs'>,
  directory: string,
  identity: IdentityRecord,
  proven: number,
  problems: string[],
  notes: string[],
): Promise<{ log: LogReport; receipt: Receipt | undefined }> {
  const records = { blockAddition: 0, batchAllocation: 0, batchCleanup: 0, snapshot: 0 }
  const log = { segments: 0, groups: 0, fileBytes: 0, start: 0, end: 0, durable: 0, tornBytes: 0 }
  let receipt: Receipt | undefined
  const events = scanLog(host.fs, directoryLayout(directory).log, {
    identity: new Uint8Array(Buffer.from(identity.id, 'hex')),
    provenDurable: proven,
  })
  for await (const event of events) {
    switch (event.kind) {
      case 'segment':
        if (log.segments === 0) log.start = event.header.base
        log.segments += 1
        log.fileBytes += event.bytes
        break
      case 'group':
        log.groups += 1
        log.durable = Math.max(log.durable, event.header.durable)
        for (const { kind, payload } of event.records) {
          records[kindName(kind)] += 1
          receipt = receiptIn(kind, payload) ?? receipt
        }
        break
      case 'torn':
        log.tornBytes += event.bytes
        notes.push(
          `log: ${event.place.file} at byte ${String(event.place.offset)}: ` +
            `${String(event.bytes)} bytes of a write that was cut short; ` +
            'the next start cuts them off',
        )
        break
      case 'damage':
        problems.push(event.error.message)
        break
      case 'end':
        log.end = event.end?.position ?? log.start
    }
  }
  return { log: { ...log, records }, receipt }
}

/** The newest receipt is a record of its own, or in the snapshot that a segment begins with. */
function receiptIn(kind: RecordKind, payload: Uint8Array): Receipt | undefined {
  if (kind !== RECORD_KIND.batchCleanup && kind !== RECORD_KIND.snapshot) return undefined
  const event = decodeEvent(kind, payload)
  if (event.kind === 'cleanup') return event
  return event.kind === 'snapshot' ? (event.cleanup ?? undefined) : undefined
}

function kindName(kind: number): keyof typeof RECORD_KIND {
  switch (kind) {
    case RECORD_KIND.blockAddition:
      return 'blockAddition'
    case RECORD_KIND.batchAllocation:
      return 'batchAllocation'
    case RECORD_KIND.batchCleanup:
      return 'batchCleanup'
    default:
      return 'snapshot'
  }
}
