/** What a repair would do: found out without changing anything. */
import type { Root } from '../../../checkpoint/root.ts'
import { verifyCheckpoint, type StoreVerification } from '../../../checkpoint/verify.ts'
import { witnessOf } from '../../../wal/lineage.ts'
import { scanLog } from '../../../wal/scan.ts'
import { equalBytes } from '../../base/bytes.ts'
import { isMillraceError, messageOf, type MillraceError } from '../../base/errors.ts'
import { decodeEvent, type BatchCleanup } from '../../blocks/events.ts'
import { Tracker } from '../../blocks/tracker.ts'
import type { Host } from '../../host/host.ts'
import { checkAgreement } from '../agreement.ts'
import { directoryLayout } from '../directory.ts'
import { knownIdentity } from '../identity.ts'
import { neededLosses, planLog, type LogPlan, type LogRebuild } from './assess-log.ts'
import { searchStores, type ProvenCommit } from './salvage-stores.ts'
import { surveyLog, type Survey } from './survey.ts'

export type StoresPlan =
  | { readonly kind: 'whole'; readonly root: Root }
  /** The other store mends it, as a start would. */
  | {
      readonly kind: 'mend'
      readonly root: Root
      readonly names: readonly string[]
      /** Stores that are damaged, not only behind. */
      readonly aside: readonly string[]
      readonly bytes: number
    }
  | { readonly kind: 'rebuild'; readonly proven: ProvenCommit }
  | { readonly kind: 'impossible'; readonly why: readonly string[] }

export interface RepairPlan {
  readonly directory: string
  readonly identity: Uint8Array
  readonly stores: StoresPlan
  /** What a start would refuse the log with; empty when it is whole. */
  readonly logProblems: readonly string[]
  readonly survey: Survey | undefined
  readonly log: LogPlan | undefined
  /** Segments whose header has to be written again. */
  readonly headers: Survey['segments']
  readonly loses: boolean
}

export type OnProgress = (step: string, done: number, total: number) => void

/** `scratch`: a directory for copies, which the caller removes. The caller owns the directory. */
export async function planRepair(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  scratch: string,
  onProgress: OnProgress,
): Promise<RepairPlan> {
  const identity = await knownIdentity(host.fs, directory)
  const stores = await planStores(host, directory, scratch, identity, onProgress)
  const root = rootOf(stores)
  const logDirectory = directoryLayout(directory).log
  const logProblems = await logProblemsOf(host, logDirectory, identity, root, onProgress)
  const whole = { directory, identity, stores, logProblems, headers: [] }
  if (logProblems.length === 0 || root === undefined) {
    return { ...whole, survey: undefined, log: undefined, loses: false }
  }
  const survey = await surveyLog(host.fs, logDirectory, {
    identity,
    proven: root.logPosition,
    onProgress: (done, total) => {
      onProgress('reading what is left of the log', done, total)
    },
  })
  const rebuilt = survey.segments.filter((segment) => segment.rebuilt)
  if (rebuilt.length > 0 && survey.lost.length === 0 && isWhole(survey, root)) {
    return { ...whole, headers: rebuilt, survey, log: undefined, loses: false }
  }
  const log = planLog(survey, root)
  const loses = log.kind === 'rebuild' && losesBy(survey, log, root)
  return { ...whole, survey, log, loses }
}

/** Without a single range lost segments are missing: what was in them nobody knows. */
function losesBy(survey: Survey, { doubtful, shortened }: LogRebuild, { time }: Root): boolean {
  if (survey.lost.length === 0 || doubtful.length > 0 || shortened.length > 0) return true
  return neededLosses(survey, time).length > 0
}

export const rootOf = (stores: StoresPlan): Root | undefined => {
  if (stores.kind === 'impossible') return undefined
  return stores.kind === 'rebuild' ? stores.proven.root : stores.root
}

async function planStores(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  scratch: string,
  identity: Uint8Array,
  onProgress: OnProgress,
): Promise<StoresPlan> {
  const both = await verifyCheckpoint(host, directory, (done, total) => {
    onProgress('reading the checkpoint', done, total)
  })
  const good = both.filter((store) => isGood(store, identity))
  const [first, second] = good
  if (first?.root === undefined) {
    const proven = await searchStores(host, directory, scratch, identity)
    if (proven !== undefined) return { kind: 'rebuild', proven }
    const why = both.flatMap(({ name, problems }) => problems.map((p) => `${name}: ${p}`))
    return { kind: 'impossible', why }
  }
  const bad = both.filter((store) => !isGood(store, identity)).map(({ name }) => name)
  const { bytes } = first
  if (second?.root === undefined) {
    return { kind: 'mend', root: first.root, names: bad, aside: bad, bytes }
  }
  const [newer, older] = first.root.number >= second.root.number ? [first, second] : [second, first]
  const root = newer.root ?? first.root
  if (newer.root?.number !== older.root?.number) {
    return { kind: 'mend', root, names: [older.name], aside: [], bytes }
  }
  if (equalBytes(first.root.digest, second.root.digest)) return { kind: 'whole', root }
  const why = ['the stores hold different commits of the same number: which is right is unknown']
  return { kind: 'impossible', why }
}

const isGood = ({ problems, root }: StoreVerification, identity: Uint8Array): boolean =>
  problems.length === 0 && root !== undefined && equalBytes(root.identity, identity)

/** What recovery would say, without running it. */
async function logProblemsOf(
  host: Pick<Host, 'fs'>,
  logDirectory: string,
  identity: Uint8Array,
  root: Root | undefined,
  onProgress: OnProgress,
): Promise<readonly string[]> {
  const problems: string[] = []
  const tracker = new Tracker()
  const scan = scanLog(host.fs, logDirectory, {
    identity,
    provenDurable: root?.logPosition ?? 0,
    witness: root && witnessOf(root),
    onProgress: (done, total) => {
      onProgress('reading the log', done, total)
    },
  })
  for await (const event of scan) {
    if (event.kind === 'damage') {
      refuseStrangers(event.error)
      problems.push(event.error.message)
    }
    if (event.kind !== 'group' || problems.length > 0) continue
    for (const { kind, payload, ref } of event.records) {
      const problem = told(() => tracker.apply(decodeEvent(kind, payload), ref))
      if (problem !== undefined) problems.push(problem)
    }
  }
  if (problems.length > 0) return problems
  const rest = told(() => {
    tracker.checkWhole()
    if (root !== undefined) checkAgreement(root, tracker)
  })
  return rest === undefined ? [] : [rest]
}

/** Another directory's or a newer program's files are nothing to mend. */
function refuseStrangers(error: MillraceError): void {
  if (error.code === 'MR_DIRECTORY_FOREIGN' || error.code === 'MR_DIRECTORY_NEWER') throw error
}

function told(work: () => unknown): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    const damage = isMillraceError(error, 'MR_LOG_DAMAGED')
    if (damage || isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) return messageOf(error)
    throw error
  }
}

function isWhole(survey: Survey, root: Root): boolean {
  const tracker = new Tracker()
  const problem = told(() => {
    for (const { event, ref } of survey.events) tracker.apply(event, ref)
    tracker.checkWhole()
    checkAgreement(root, tracker)
  })
  return problem === undefined
}

/** The newest receipt that still reads. */
export function receiptOf({ events }: Survey): Omit<BatchCleanup, 'kind'> | undefined {
  let receipt: Omit<BatchCleanup, 'kind'> | undefined
  for (const { event } of events) {
    if (event.kind === 'cleanup') receipt = event
    if (event.kind === 'snapshot') receipt = event.cleanup ?? receipt
  }
  return receipt
}
