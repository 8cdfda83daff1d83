/**
 * All receivers of a program: starts and stops them, gives each its way into the log, and keeps
 * what the API shows of them.
 *
 * Pressure: while the intake is paused `add` waits, and the sources stop reading (`intake.ts`).
 */
import { present } from '../base/assert.ts'
import type { BlockStore } from '../blocks/block-store.ts'
import type { GraphShape, InputShape } from '../dstream/shape.ts'
import type { ChildProcess, Host } from '../host/host.ts'
import type { Block, BlockSink, ReceiverEvent, ReceiverHandle } from '../receiver/receiver.ts'
import { createReceiver } from '../sources/create-receiver.ts'
import type { History } from './history.ts'
import { type Inputs, isDirect } from './inputs.ts'
import type { ListenerBus, ReceiverInfo } from './listener-bus.ts'
import type { Intake } from './intake.ts'
import type { Logger } from './settings.ts'
import type { InputStatus } from './status.ts'

export interface ReceiversParts {
  readonly host: Host
  readonly shape: GraphShape
  readonly blocks: BlockStore
  readonly inputs: Inputs
  readonly intake: Intake
  /** Largest block the log takes, in bytes. */
  readonly blockBytesMax: number
  readonly bus: ListenerBus
  readonly history: History
  readonly log: Logger
  /** Starts the process of a custom receiver. */
  spawnReceiver(uid: string): ChildProcess
}

interface Entry {
  readonly input: InputShape
  readonly handle: ReceiverHandle | undefined
  active: boolean
  records: number
  rejected: number
  lastErrorTime: number | undefined
  lastErrorMessage: string | undefined
}

export class Receivers {
  readonly #parts: ReceiversParts
  readonly #entries: Entry[]

  constructor(parts: ReceiversParts) {
    this.#parts = parts
    this.#entries = parts.shape.inputs.map((input) => this.#entry(input))
  }

  #entry(input: InputShape): Entry {
    const entry: Entry = {
      input,
      active: false,
      records: 0,
      rejected: 0,
      lastErrorTime: undefined,
      lastErrorMessage: undefined,
      handle: isDirect(input)
        ? undefined
        : createReceiver(input, {
            host: this.#parts.host,
            sink: this.#sink(input),
            onEvent: (event) => {
              this.#event(entry, event)
            },
            spawnReceiver: () => this.#parts.spawnReceiver(input.uid),
          }),
    }
    return entry
  }

  async start(): Promise<void> {
    await this.#parts.intake.start()
    await Promise.all(this.#entries.map(async (entry) => await entry.handle?.start()))
  }

  /** Resolves when all have handed over what they held and it is durable. */
  async stop(): Promise<void> {
    this.#parts.intake.stop()
    const results = await Promise.allSettled(
      this.#entries.map(async (entry) => await entry.handle?.stop()),
    )
    const errors: unknown[] = results.flatMap((r): unknown[] =>
      r.status === 'rejected' ? [r.reason] : [],
    )
    if (errors.length > 0) throw new AggregateError(errors, 'stopping receivers')
  }

  #sink(input: InputShape): BlockSink {
    const logId = (): number => this.#parts.inputs.logId(input)
    const { blockBytesMax, intake } = this.#parts
    return {
      blockBytesMax,
      add: async (block) => await this.#add(input, block),
      highWater: (producerId) => this.#parts.blocks.tracker.highWater(logId(), producerId),
      get paused() {
        return intake.paused !== undefined
      },
    }
  }

  async #add(input: InputShape, block: Block): Promise<'stored' | 'duplicate'> {
    const { blocks, history, inputs, intake } = this.#parts
    const bytes = block.parts.reduce((sum, part) => sum + part.length, 0)
    const passed = await intake.pass(bytes)
    const stored = blocks.addBlock({ streamId: inputs.logId(input), ...block })
    const { kind } = await stored.finally(passed)
    if (kind === 'duplicate') history.duplicate()
    else this.#entryOf(input).records += block.records
    return kind
  }

  #entryOf(input: InputShape): Entry {
    return present(this.#entries[input.streamId], 'an input')
  }

  #event(entry: Entry, event: ReceiverEvent): void {
    const { bus, host, log } = this.#parts
    const uid = entry.input.uid
    switch (event.kind) {
      case 'started':
        entry.active = true
        if (event.repeated === undefined) {
          const details = event.address === undefined ? {} : { address: event.address }
          log.info(
            { input: uid, ...details },
            `receiver '${uid}': ${event.address === undefined ? 'connected' : 'listening'}`,
          )
        }
        bus.post((listener) => listener.onReceiverStarted?.(info(entry)))
        return
      case 'stopped':
        entry.active = false
        bus.post((listener) => listener.onReceiverStopped?.(info(entry)))
        return
      case 'error':
        entry.lastErrorTime = host.clock.now()
        entry.lastErrorMessage = event.message
        if (event.repeated === true) return
        log.warn(
          { input: uid, code: event.code, cause: event.cause },
          `receiver '${uid}': ${event.message}${nextTry(event.retryMs)}`,
        )
        bus.post((listener) => listener.onReceiverError?.(info(entry)))
        return
      case 'rejected':
        entry.rejected += event.records
        log.warn(
          { input: uid, code: REJECTED[event.reason], records: event.records },
          `records left out: ${event.reason}`,
        )
        return
    }
  }

  statuses(): InputStatus[] {
    return this.#entries.map((entry) => ({
      shape: entry.input,
      name: nameOf(entry.input),
      active: entry.active,
      records: entry.records,
      rejected: entry.rejected,
      ...(entry.lastErrorTime === undefined ? {} : { lastErrorTime: entry.lastErrorTime }),
      ...(entry.lastErrorMessage === undefined ? {} : { lastErrorMessage: entry.lastErrorMessage }),
    }))
  }
}

const nextTry = (ms: number | undefined): string =>
  ms === undefined ? '' : `; next try in ${(ms / 1000).toFixed(1)} s`

const REJECTED = {
  'line too long': 'MR_LINE_TOO_LONG',
  'invalid UTF-8': 'MR_LINE_INVALID',
} as const

/** Spark's form: `Socket text stream [0]`. */
function nameOf(input: InputShape): string {
  const words = input.kind.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} stream [${String(input.streamId)}]`
}

function info(entry: Entry): ReceiverInfo {
  return {
    streamId: entry.input.streamId,
    name: nameOf(entry.input),
    active: entry.active,
    lastErrorMessage: entry.lastErrorMessage ?? '',
    lastErrorTime: entry.lastErrorTime ?? -1,
  }
}
