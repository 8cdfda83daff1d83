/**
 * Runs programs batch by batch on several local processes: each has its own graph, all share the
 * states, a batch commits or leaves nothing. Sequences give batch k its index k - 1; other
 * inputs are given by the test.
 */
import { deserialize } from 'node:v8'
import { millis } from '../../src/base/time.ts'
import type { TaskRuntime } from '../../src/dataset/runtime.ts'
import { buildGraph, defineApp, type App, type BuildOptions } from '../../src/dstream/app.ts'
import type { BatchEnvironment, InputData, OutputResult } from '../../src/dstream/batch.ts'
import type { Graph } from '../../src/dstream/graph.ts'
import { runBatch } from '../../src/dstream/run-batch.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { onProcesses } from '../dataset/local-runtime.ts'
import { MemoryState, type MemoryOverlay } from './memory-state.ts'

export interface RunnerOptions extends BuildOptions {
  readonly size?: number
  readonly inputs?: (streamId: number, batch: number) => InputData
  readonly outputs?: BatchEnvironment['outputs']
  readonly states?: Map<string, MemoryState>
}

export class Runner {
  readonly graphs: readonly Graph[]
  readonly states: Map<string, MemoryState>
  readonly #options: RunnerOptions
  #attempt = 0
  /** Writes to states in the last batch. */
  writes = 0

  constructor(app: App<unknown>, options: RunnerOptions = {}) {
    const { size = 1, partitions = 4, collectBytesMax = 1 << 20 } = options
    this.#options = options
    this.states = options.states ?? new Map<string, MemoryState>()
    this.graphs = Array.from({ length: size }, () =>
      buildGraph(app, {}, { partitions, collectBytesMax }),
    )
  }

  /** Batch k = 1, 2 …; its time is k times the interval. */
  async batch(k: number): Promise<Map<string, OutputResult>> {
    this.#attempt += 1
    const attempt = this.#attempt
    const overlays = new Map<string, MemoryOverlay>()
    const all = await onProcesses(this.graphs.length, (runtime) => {
      const graph = this.graphs[runtime.collective.rank]
      if (graph === undefined) throw new Error('no such rank')
      return runBatch(graph, this.#environment(graph, k, attempt, runtime, overlays))
    })
    this.writes = 0
    for (const [id, overlay] of overlays) {
      this.#state(id).commit(overlay)
      this.writes += overlay.writes
    }
    return this.#merged(all)
  }

  /** Rows of a `toRows` output; undefined when the stream had no dataset. */
  async rows(k: number, uid = 'out'): Promise<readonly unknown[] | undefined> {
    return (await this.parts(k, uid))?.flat()
  }

  async parts(k: number, uid = 'out'): Promise<readonly (readonly unknown[])[] | undefined> {
    const result = (await this.batch(k)).get(uid)
    return result?.parts.map((part) => unpack(part.payload))
  }

  #environment(
    graph: Graph,
    k: number,
    attempt: number,
    runtime: TaskRuntime,
    overlays: Map<string, MemoryOverlay>,
  ): BatchEnvironment {
    const { rank, size } = runtime.collective
    return {
      time: k * graph.shape.batchMs,
      attempt,
      runtime,
      input: (streamId) =>
        this.#options.inputs?.(streamId, k) ?? { kind: 'range', from: k - 1, until: k },
      state: (uid, partition) => {
        if (partition % size !== rank) throw new Error('a state partition of another process')
        const id = `${uid} ${String(partition)}`
        const overlay = overlays.get(id) ?? this.#state(id).begin()
        overlays.set(id, overlay)
        return overlay
      },
      use: async (uid) => await graph.resources.get(uid)?.acquire(),
      outputs: this.#options.outputs ?? {},
    }
  }

  #state(id: string): MemoryState {
    const state = this.states.get(id) ?? new MemoryState()
    this.states.set(id, state)
    return state
  }

  #merged(all: readonly (readonly OutputResult[])[]): Map<string, OutputResult> {
    const merged = new Map<string, OutputResult>()
    for (const { outputId, uid } of this.graphs[0]?.shape.outputs ?? []) {
      const mine = all.flatMap((results) => results.filter((r) => r.outputId === outputId))
      if (mine.length === 0) continue
      const parts = mine.flatMap((result) => result.parts)
      merged.set(uid, { outputId, parts: parts.sort((a, b) => a.partition - b.partition) })
    }
    return merged
  }
}

export function unpack(payload: Uint8Array): readonly unknown[] {
  const rows: unknown = deserialize(payload)
  if (!Array.isArray(rows)) throw new Error('rows are an array')
  return rows
}

/** A program with one-second batches. */
export const program = (build: (ssc: StreamingContext) => void): App<unknown> =>
  defineApp({ name: 'test', batchInterval: millis(1000) }, build)

/** The rows of `out` in each batch, which must agree on 1, 2 and 3 processes. */
export async function rowsEverywhere(
  build: (ssc: StreamingContext) => void,
  batches: number,
  options: RunnerOptions = {},
): Promise<readonly (readonly unknown[] | undefined)[]> {
  const runs: (readonly unknown[] | undefined)[][] = []
  for (const size of [1, 2, 3]) {
    const runner = new Runner(program(build), { ...options, size })
    const run: (readonly unknown[] | undefined)[] = []
    for (let k = 1; k <= batches; k++) run.push(await runner.rows(k))
    runs.push(run)
  }
  const [first, ...others] = runs
  for (const other of others) {
    if (JSON.stringify(other) !== JSON.stringify(first)) {
      throw new Error(`${JSON.stringify(other)} differs from ${JSON.stringify(first)}`)
    }
  }
  return first ?? []
}

/** The error of one batch, which must be the same on 1, 2 and 3 processes. */
export async function failureEverywhere(
  build: (ssc: StreamingContext) => void,
  k = 1,
): Promise<unknown> {
  const errors: unknown[] = []
  for (const size of [1, 2, 3]) {
    const runner = new Runner(program(build), { size })
    for (let i = 1; i < k; i++) await runner.batch(i)
    errors.push(
      await runner.batch(k).then(
        () => undefined,
        (error: unknown) => error,
      ),
    )
  }
  const texts = new Set(errors.map(String))
  if (texts.size > 1) throw new Error(`different errors: ${[...texts].join(' | ')}`)
  return errors[0]
}
