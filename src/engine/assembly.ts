/** How the parts of an engine are put together once its directory is open. */
import { millis } from '../base/time.ts'
import { blockBytesMaxOf } from '../blocks/block-store.ts'
import { ownerOf } from '../sinks/text-paths.ts'
import { BatchLoop } from './batch-loop.ts'
import type { EngineOptions } from './engine-options.ts'
import { History } from './history.ts'
import { Inputs } from './inputs.ts'
import { Intake } from './intake.ts'
import { JobGenerator, type JobGeneratorParts } from './job-generator.ts'
import type { ListenerBus } from './listener-bus.ts'
import { createPublisher } from './publisher.ts'
import { Receivers } from './receivers.ts'
import type { Opened } from './recovery.ts'
import { BatchClock } from './schedule.ts'

export interface Parts {
  readonly opened: Opened
  readonly loop: BatchLoop
  readonly receivers: Receivers
  readonly intake: Intake
  readonly history: History
}

export interface AssemblyHooks {
  readonly bus: ListenerBus
  onBlocked(receivers: Receivers): void
}

export function assemble(opened: Opened, options: EngineOptions, hooks: AssemblyHooks): Parts {
  const { host, log, settings } = options
  const { shape, blocks, checkpoint, team, progress } = opened
  const { bus } = hooks
  const history = new History(bus, shape.outputs, () => host.clock.now())
  const inputs = new Inputs(shape, blocks, progress)
  const pinnedBytes = (): number => blocks.pinnedBytes
  const intake = new Intake({ host, directory: opened.directory, settings, pinnedBytes, log })
  const receivers = new Receivers({
    ...{ host, shape, blocks, inputs, intake, bus, history, log },
    blockBytesMax: blockBytesMaxOf(settings.segmentBytes),
    spawnReceiver: (uid) => team.spawnReceiver(uid),
  })
  const owner = ownerOf(opened.logDirectory)
  const place = { workingDirectory: options.workingDirectory, owner }
  const publisher = createPublisher({ ...options, fs: host.fs, place, outputs: shape.outputs })
  const loop = new BatchLoop(
    {
      ...{ clock: host.clock, settings, shape, team, blocks, inputs, publisher, history, log },
      committer: checkpoint,
      onCleaned: () => {
        intake.onCleaned()
      },
      onBlocked: () => {
        hooks.onBlocked(receivers)
      },
    },
    progress,
    opened.published,
  )
  return { opened, loop, receivers, intake, history }
}

export function jobGenerator(
  { opened, loop }: Parts,
  { host, log }: EngineOptions,
  actions: Pick<JobGeneratorParts, 'run' | 'stopReceivers'>,
): JobGenerator {
  const { shape, blocks } = opened
  return new JobGenerator({
    ...actions,
    clock: new BatchClock(host.clock, loop.progress.time),
    interval: millis(shape.batchMs),
    mustRunEmpty: shape.states.some((state) => state.idle === 'call'),
    log,
    progress: () => loop.progress,
    hasUnallocated: () => blocks.tracker.hasUnallocated,
  })
}
