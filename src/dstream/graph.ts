/**
 * A built program: its shape as data, and what only this process can have: functions, codecs,
 * resources. Valid from the moment it exists; nothing can be added to it.
 */
import type { Codec } from '../base/codec.ts'
import type { Place } from '../dataset/runtime.ts'
import type { Receiver } from './custom-receiver.ts'
import { invalid, type GraphBuilder } from './graph-builder.ts'
import type { Output } from './output.ts'
import type { Resource } from './resource.ts'
import type { GraphShape, ProgramIdentity } from './shape.ts'

export class Graph {
  readonly shape: GraphShape
  /** In registration order. */
  readonly outputs: readonly Output[]
  /** How the values of each state are read, by uid. */
  readonly codecs: ReadonlyMap<string, Codec<unknown>>
  readonly resources: ReadonlyMap<string, Resource<unknown>>
  /** Makers of custom receivers, by the uid of their input. */
  readonly receivers: ReadonlyMap<string, () => Receiver<unknown>>
  /** Partitions of shuffles and states that name no number. */
  readonly partitions: number
  readonly collectBytesMax: number
  readonly #builder: GraphBuilder

  /** Throws `MR_GRAPH_INVALID` for a graph without output operations. */
  constructor(builder: GraphBuilder, place: Place, program: ProgramIdentity) {
    const { application, batchInterval, partitions, collectBytesMax } = builder.settings
    if (builder.outputs.length === 0) {
      throw invalid(
        place,
        `'${application}' has no output operations, so nothing would run: add print, ` +
          'saveAsTextFiles, foreachRDD or foreachPartition',
      )
    }
    this.#builder = builder
    this.partitions = partitions
    this.collectBytesMax = collectBytesMax
    this.outputs = builder.outputs
    this.codecs = builder.codecs
    this.resources = builder.resources
    this.receivers = builder.receivers
    this.shape = {
      application,
      batchMs: batchInterval,
      program,
      nodes: builder.nodes,
      inputs: builder.inputs,
      outputs: builder.outputs.map((output) => output.shape),
      states: builder.states,
    }
  }

  /** After it whoever tries to add to the graph is told that the context has stopped. */
  stop(): void {
    this.#builder.stop()
  }
}
