/**
 * Log and checkpoint held against each other: each proves something about the other. A checkpoint
 * that is older than a receipt in the log has silently lost commits; that is damage, never "just a
 * crash".
 */
import { equalBytes } from '../base/bytes.ts'
import { MillraceError } from '../base/errors.ts'

export interface KnownRoot {
  readonly number: number
  readonly digest: Uint8Array
  /** Digest of the root before. */
  readonly previous: Uint8Array
}

/** What the newest BatchCleanup in the log says. */
export interface Receipt {
  readonly time: number
  readonly commit: number
  readonly digest: Uint8Array
}

/** Throws `MR_CHECKPOINT_DAMAGED`. */
export function checkAgreement(
  root: KnownRoot,
  log: { readonly cleanup: Receipt | undefined },
): void {
  const receipt = log.cleanup
  if (receipt === undefined) return
  const details = { root: root.number, receipt: receipt.commit, batch: receipt.time }
  if (receipt.commit > root.number) {
    throw new MillraceError(
      'MR_CHECKPOINT_DAMAGED',
      `the log has the receipt of commit ${String(receipt.commit)}, but the checkpoint ends at ` +
        `commit ${String(root.number)}: its newest commits are lost, or an old copy was put back`,
      { details },
    )
  }
  const known = new Map([
    [root.number, root.digest],
    [root.number - 1, root.previous],
  ]).get(receipt.commit)
  if (known !== undefined && !equalBytes(receipt.digest, known)) {
    throw new MillraceError(
      'MR_CHECKPOINT_DAMAGED',
      `commit ${String(receipt.commit)} of the checkpoint is not the one the log has the receipt ` +
        `of: log and checkpoint do not belong together`,
      { details },
    )
  }
}
