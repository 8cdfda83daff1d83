/**
 * Everything that can be found out about a data directory nobody runs on: every byte of the log and
 * of both stores is read. Log and checkpoint are also held against each other. Nothing is mended.
 * The caller owns the directory.
 */
import { witnessOf } from '../../wal/lineage.ts'
import { scanLog } from '../../wal/scan.ts'
import { RECORD_KIND } from '../../wal/record.ts'
import type { RecordRef } from '../../wal/record.ts'
import { verifyCheckpoint } from '../../checkpoint/verify.ts'
import type { StoreVerification } from '../../checkpoint/verify.ts'
import type { Root } from '../../checkpoint/root.ts'
import { equalBytes } from '../base/bytes.ts'
import { isMillraceError } from '../base/errors.ts'
import { decodeEvent, type TrackerEvent } from '../blocks/events.ts'
import { type Pin, pinsOf } from '../blocks/pins.ts'
import { Tracker } from '../blocks/tracker.ts'
import { checkAgreement } from '../engine/agreement.ts'
import type { Receipt } from '../engine/agreement.ts'
import { directoryLayout } from '../engine/directory.ts'
import { readIdentity } from '../engine/identity.ts'
import type { IdentityRecord } from '../engine/identity.ts'
import { type Lost, surveyLog } from '../engine/repair/survey.ts'
import type { Host } from '../host/host.ts'
import { meaningOf } from './meaning.ts'
import type { Progress } from './progress.ts'
import { lostWords } from './repair-text.ts'
import { readHeld, type StagedFinding } from './held-outside.ts'

type OnProgress = Progress['step']

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
  /** What keeps the log from getting shorter; as far as the log could be read. */
  readonly pins: readonly Pin[]
  /** Inputs by their number in the log. */
  readonly streams: ReadonlyMap<number, string>
  /** Committed files that wait to be published. */
  readonly staged: readonly StagedFinding[]
  /** What it comes to, in sentences. */
  readonly meaning: readonly string[]
  /** What is wrong, in plain words; empty when nothing is. */
  readonly problems: readonly string[]
  /** What is worth knowing and not wrong. */
  readonly notes: readonly string[]
}

export async function reportDirectory(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  onProgress: OnProgress = () => undefined,
): Promise<DirectoryReport> {
  const problems: string[] = []
  const notes: string[] = []
  const identity = await readIdentity(host.fs, directory)
  const stores = await verifyCheckpoint(host, directory, (done, total) => {
    onProgress('reading the checkpoint', done, total, 'entries')
  })
  const root = judgeStores(stores, identity, problems, notes)
  const proven = Math.max(1, ...stores.map((store) => provenBy(store, identity)))
  const read = { host, directory, identity, root, proven, onProgress }
  const inLog: string[] = []
  const { log, receipt, tracker } = await reportLog(read, inLog, notes)
  problems.push(...inLog)
  if (root !== undefined) judgeAgreement(root, receipt, problems)
  const held = await readHeld(host, directory, newestWhole(stores, root), receipt?.commit ?? -1)
  problems.push(...held.staged.flatMap(({ file, wrong }) => (wrong ? [`${file} ${wrong}`] : [])))
  const { streams, staged } = held
  const lost = inLog.length === 0 || root === undefined ? [] : await lostIn(read)
  const words = lost.map((range) => lostWords(range, streams))
  const logRefused = inLog.length > 0
  const meaning = meaningOf({ stores, root, log, problems, logRefused, staged, lost: words })
  const pins = pinsOf(tracker, root?.time ?? 0)
  return { directory, identity, log, stores, root, pins, streams, staged, meaning, problems, notes }
}

const newestWhole = (
  stores: readonly StoreVerification[],
  root: Root | undefined,
): StoreVerification['name'] | undefined =>
  stores.find(({ problems, root: of }) => problems.length === 0 && of?.number === root?.number)
    ?.name

async function lostIn({ host, directory, identity, proven }: Reading): Promise<readonly Lost[]> {
  const { lost } = await surveyLog(host.fs, directoryLayout(directory).log, {
    identity: new Uint8Array(Buffer.from(identity.id, 'hex')),
    proven,
  })
  return lost
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

interface Reading {
  readonly host: Pick<Host, 'fs'>
  readonly directory: string
  readonly identity: IdentityRecord
  readonly root: Root | undefined
  /** Every position of the log below was proven durable. */
  readonly proven: number
  readonly onProgress: OnProgress
}

async function reportLog(
  { host, directory, identity, root, proven, onProgress }: Reading,
  problems: string[],
  notes: string[],
): Promise<{ log: LogReport; receipt: Receipt | undefined; tracker: Tracker }> {
  const fold = new Fold()
  const records = { blockAddition: 0, batchAllocation: 0, batchCleanup: 0, snapshot: 0 }
  const log = { segments: 0, groups: 0, fileBytes: 0, start: 0, end: 0, durable: 0, tornBytes: 0 }
  let receipt: Receipt | undefined
  const events = scanLog(host.fs, directoryLayout(directory).log, {
    identity: new Uint8Array(Buffer.from(identity.id, 'hex')),
    provenDurable: proven,
    witness: root && witnessOf(root),
    onProgress: (done, total) => {
      onProgress('reading the log', done, total, 'bytes')
    },
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
        for (const { kind, payload, ref } of event.records) {
          records[kindName(kind)] += 1
          const said = decodeEvent(kind, payload)
          receipt = receiptIn(said) ?? receipt
          fold.apply(said, ref)
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
        fold.stop()
        break
      case 'end':
        log.end = event.end?.position ?? log.start
    }
  }
  problems.push(...fold.end())
  return { log: { ...log, records }, receipt, tracker: fold.tracker }
}

/** The tracker as a start would build it, up to the first contradiction. */
class Fold {
  readonly tracker = new Tracker()
  #stopped = false
  readonly #problems: string[] = []

  apply(event: TrackerEvent, ref: RecordRef): void {
    if (!this.#stopped) this.#try(() => this.tracker.apply(event, ref))
  }

  /** Behind damage everything would contradict: that has been told. */
  stop(): void {
    this.#stopped = true
  }

  end(): readonly string[] {
    if (!this.#stopped) {
      this.#try(() => {
        this.tracker.checkWhole()
      })
    }
    return this.#problems
  }

  #try(work: () => unknown): void {
    try {
      work()
    } catch (error) {
      if (!isMillraceError(error, 'MR_LOG_DAMAGED')) throw error
      this.#problems.push(error.message)
      this.stop()
    }
  }
}

/** The newest receipt is a record of its own, or in the snapshot that a segment begins with. */
function receiptIn(event: TrackerEvent): Receipt | undefined {
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
