/**
 * Opens the stores and the log together, and proves the end of both at a clean stop.
 *
 *   verify both stores ──┐ approve: root, proven ─► the log's last segment is judged
 *   read the log ────────┤ folded: log and checkpoint held against each other
 *                        └► the stores are mended ─► the log is written to
 *
 * Invariant: until log and checkpoint agree nothing is written to either, so a checkpoint beside a
 * log that does not know it is refused with every file as it was.
 */
import { type Checkpoint, openCheckpoint } from '../../checkpoint/checkpoint.ts'
import type { Approval, CheckpointReport } from '../../checkpoint/open-stores.ts'
import type { OpenCheckpointOptions } from '../../checkpoint/open-stores.ts'
import type { LogReport } from '../../wal/contract.ts'
import { witnessOf } from '../../wal/lineage.ts'
import { messageOf } from '../base/errors.ts'
import { type BlockStore, type BlockStoreOptions, openBlockStore } from '../blocks/block-store.ts'
import { deferred } from '../executor/deferred.ts'
import type { Host } from '../host/host.ts'
import { checkAgreement } from './agreement.ts'

export interface StorageOptions {
  readonly checkpoint: OpenCheckpointOptions
  readonly log: Omit<BlockStoreOptions, 'provenDurable' | 'witness' | 'folded'>
}

export interface Storage {
  readonly checkpoint: Checkpoint
  readonly report: CheckpointReport
  /** The log, which is begun while the caller already reads the checkpoint. */
  readonly log: Promise<{ readonly store: BlockStore; readonly report: LogReport }>
}

const asError = (error: unknown): Error =>
  error instanceof Error ? error : new Error(String(error))

/** Each refusal reaches the caller by the first promise it rejects. */
const toldElsewhere = (): undefined => undefined

/** Throws what `openCheckpoint` throws and, when the log is refused, what `openBlockStore` does. */
export async function openStorage(
  host: Pick<Host, 'fs' | 'stores' | 'clock'>,
  options: StorageOptions,
): Promise<Storage> {
  const approval = deferred<Approval>()
  const agreed = deferred<undefined>()
  const mended = deferred<undefined>()
  for (const { promise } of [approval, agreed, mended]) promise.catch(toldElsewhere)
  // A directory with an identity has had a log: that there is none any more is damage.
  const least = options.checkpoint.create ? 0 : 1
  const provenDurable = approval.promise.then(({ proven }) => Math.max(proven, least))
  provenDurable.catch(toldElsewhere)
  const witness = approval.promise.then(({ root }) => witnessOf(root))
  witness.catch(toldElsewhere)
  const log = openBlockStore(host, {
    ...options.log,
    provenDurable,
    witness,
    async folded(tracker) {
      checkAgreement((await approval.promise).root, tracker)
      agreed.resolve(undefined)
      await mended.promise
    },
  })
  log.catch((error: unknown) => {
    agreed.reject(asError(error))
  })
  try {
    const opened = await openCheckpoint(host, {
      ...options.checkpoint,
      async approve(found) {
        await options.checkpoint.approve?.(found)
        approval.resolve(found)
        await agreed.promise
      },
    })
    mended.resolve(undefined)
    return { ...opened, log }
  } catch (error) {
    approval.reject(asError(error))
    mended.reject(asError(error))
    await log.catch(toldElsewhere)
    throw error
  }
}

/**
 * At a clean stop both roots learn where the log ends: bytes that go missing below that are damage
 * from then on, and no torn tail. What fails here costs that proof and nothing else.
 */
export async function proveEnd(
  { checkpoint, blocks }: { readonly checkpoint: Checkpoint; readonly blocks: BlockStore },
  warn: (text: string) => void,
): Promise<void> {
  try {
    await blocks.log.sync()
    const { root } = checkpoint
    const logPosition = blocks.log.durable
    if (logPosition <= root.logPosition) return
    const { epoch } = blocks.log
    await checkpoint.commit({ time: root.time, epoch, logPosition, puts: [], deletes: [] })
  } catch (error) {
    warn(`the end of the log was not proven in the checkpoint: ${messageOf(error)}`)
  }
}
