/** What was found in a directory, as sentences for who has to decide what to do. Pure. */
import type { Root } from '../../checkpoint/root.ts'
import type { StoreVerification } from '../../checkpoint/verify.ts'
import type { StagedFinding } from './held-outside.ts'

export interface Findings {
  readonly stores: readonly StoreVerification[]
  readonly root: Root | undefined
  readonly log: { readonly tornBytes: number }
  readonly problems: readonly string[]
  /** A start would refuse the log. */
  readonly logRefused: boolean
  readonly staged: readonly StagedFinding[]
  /** What of the log no longer reads, in words. */
  readonly lost: readonly string[]
}

export function meaningOf(findings: Findings): readonly string[] {
  const { root, log, problems, staged, lost } = findings
  const sentences = [safe(root), ...storeSentences(findings)]
  if (log.tornBytes > 0) {
    sentences.push(
      `${String(log.tornBytes)} bytes at the end of the log are of a write that was cut short: ` +
        'possibly acknowledged, unproven; the next start cuts them off',
    )
  }
  sentences.push(...lost.map((words) => `would be lost: ${words}`))
  if (staged.length > 0) {
    sentences.push(
      `${String(staged.length)} committed files wait to be published: the next start does it`,
    )
  }
  if (problems.length > 0) {
    const starts = !findings.logRefused && root !== undefined
    sentences.push(
      starts
        ? 'a start may mend this by itself; `millrace repair DIR --dry-run` says what is to be done'
        : 'a start would refuse this; `millrace repair DIR --dry-run` says what can be done',
    )
  }
  return sentences
}

function safe(root: Root | undefined): string {
  if (root === undefined) return 'no commit can be verified: nothing is safe until it is repaired'
  if (root.time === 0) return 'no batch was committed yet'
  const time = new Date(root.time).toISOString()
  return `batches up to ${time} are safe (commit ${String(root.number)})`
}

function storeSentences({ stores, root }: Findings): string[] {
  if (root === undefined) return []
  return stores.flatMap(({ name, problems, root: of }) => {
    if (problems.length > 0) {
      return [`${name} is damaged and will be made again from the other store; nothing is lost`]
    }
    if (of === undefined || of.number === root.number) return []
    return [`${name} is one commit behind and will be mended at the next start`]
  })
}
