/**
 * What tests of sources share: shapes of inputs, a context with a sink in memory, and events as
 * they come.
 */
import type { InputKind, InputShape, Json } from '../../src/dstream/shape.ts'
import type { ChildProcess } from '../../src/host/host.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeNetwork } from '../../src/host/node-network.ts'
import type { ReceiverEvent } from '../../src/receiver/receiver.ts'
import type { SourceContext } from '../../src/sources/context.ts'
import { MemorySink } from '../receiver/memory-sink.ts'

export function inputOf(
  kind: InputKind,
  parameters: Readonly<Record<string, Json>> = {},
): InputShape {
  return {
    streamId: 0,
    derived: false,
    uid: 'in',
    kind,
    parameters,
    node: 0,
    place: { operator: kind },
  }
}

export interface SourceWorld {
  readonly context: SourceContext
  readonly sink: MemorySink
  readonly events: ReceiverEvent[]
  /** How often an event of this kind came. */
  count(kind: ReceiverEvent['kind']): number
}

export function sourceWorld(spawnReceiver?: () => ChildProcess): SourceWorld {
  const sink = new MemorySink()
  const events: ReceiverEvent[] = []
  const random = { next: () => 0, bytes: (n: number) => new Uint8Array(n) }
  return {
    sink,
    events,
    count: (kind) => events.filter((event) => event.kind === kind).length,
    context: {
      host: { clock: nodeClock, net: nodeNetwork, random },
      sink,
      onEvent: (event) => events.push(event),
      ...(spawnReceiver === undefined ? {} : { spawnReceiver }),
    },
  }
}
