/**
 * Input streams: what each has in the shape, and how what was allocated to a batch becomes its
 * dataset.
 */
import { assert } from '../base/assert.ts'
import { MillraceError } from '../base/errors.ts'
import type { Chunk } from '../dataset/chunk.ts'
import { checkPartitions } from '../dataset/pair.ts'
import { callPlace, describePlace } from '../dataset/place.ts'
import { PlanNode, spread } from '../dataset/plan.ts'
import type { Place } from '../dataset/runtime.ts'
import { parallelize, unite } from '../dataset/union.ts'
import type { InputData } from './batch.ts'
import type { SequenceInputOptions } from './streaming-context.ts'
import type { Receiver } from './custom-receiver.ts'
import { invalid, type GraphBuilder } from './graph-builder.ts'
import type { InputKind, InputShape, Json } from './shape.ts'
import type { Batch } from './current-batch.ts'
import { requireFunction } from './require-function.ts'
import { StreamNode } from './stream-node.ts'

type Parameters = Readonly<Record<string, Json | undefined>>

interface InputSpec {
  readonly kind: InputKind
  readonly operator: string
  readonly uid: string | undefined
  readonly parameters: Parameters
}

/** A stream whose data comes out of the log in blocks. */
export function blockInput<T>(graph: GraphBuilder, spec: InputSpec): StreamNode<T> {
  const place = callPlace(spec.operator)
  checkParameters(spec, place)
  return input<T>(graph, spec, place, (batch, data) => {
    assert(data.kind === 'blocks', 'a receiver stream is allocated blocks')
    const { partitions } = data
    return new PlanNode<T>({
      scope: batch.scope,
      place,
      parents: [],
      layout: spread(batch.scope, partitions.length),
      open: (partition) => rowsOfBlocks<T>(partitions[partition]?.() ?? []),
    })
  })
}

export function receiverInput<T>(
  graph: GraphBuilder,
  uid: string | undefined,
  make: () => Receiver<T>,
): StreamNode<T> {
  requireFunction(callPlace('receiverStream'), make)
  const spec = { kind: 'receiver', operator: 'receiverStream', uid, parameters: {} } as const
  const node = blockInput<T>(graph, spec)
  const shape = graph.inputs.at(-1)
  assert(shape !== undefined, 'the input was added')
  graph.receivers.set(shape.uid, make)
  return node
}

/** Given batches: the range that was allocated names them by index. */
export function sequenceInput<T>(
  graph: GraphBuilder,
  options: SequenceInputOptions<T>,
): StreamNode<T> {
  const place = callPlace('sequenceStream')
  const partitions = checkPartitions(options.partitions ?? 2, place)
  const batches = [...options.batches]
  const parameters = { partitions, batches: batches.length }
  const spec = {
    kind: 'sequence',
    operator: 'sequenceStream',
    uid: options.uid,
    parameters,
  } as const
  return input<T>(graph, spec, place, ({ scope }, data) => {
    assert(data.kind === 'range', 'a sequence is allocated a range')
    const given: (readonly T[])[] = []
    for (let index = data.from; index < data.until; index++) {
      const rows = index < batches.length ? batches[index] : []
      if (rows !== null && rows !== undefined) given.push(rows)
    }
    if (given.length === 0 && data.until > data.from) return undefined
    const datasets = given.map((rows) => parallelize(scope, place, rows, partitions))
    return datasets.length === 1 ? datasets[0] : unite(scope, place, datasets)
  })
}

/**
 * Datasets from a queue in this process. A batch that is tried again gets what it got the first
 * time.
 */
export function queueInput<T>(
  graph: GraphBuilder,
  queue: (readonly T[])[],
  oneAtATime: boolean,
  fallback: readonly T[],
): StreamNode<T> {
  const place = callPlace('queueStream')
  let taken: { readonly time: number; readonly rows: readonly T[] } | undefined
  const spec = { kind: 'queue', operator: 'queueStream', uid: undefined, parameters: {} } as const
  return input<T>(graph, spec, place, ({ environment, scope }) => {
    if (scope.size > 1) {
      throw new MillraceError(
        'MR_GRAPH_INVALID',
        `${describePlace(place)}: a queue lives in one process; use sequenceStream or a receiver`,
      )
    }
    if (taken?.time !== environment.time) {
      const next = oneAtATime ? queue.splice(0, 1) : queue.splice(0)
      taken = { time: environment.time, rows: next.length === 0 ? fallback : next.flat() }
    }
    return parallelize(scope, place, taken.rows, scope.partitions)
  })
}

function input<T>(
  graph: GraphBuilder,
  { kind, uid, parameters }: InputSpec,
  place: Place,
  plan: (batch: Batch, data: InputData) => PlanNode<T> | undefined,
): StreamNode<T> {
  const node = new StreamNode<T>({
    graph,
    kind: place.operator,
    place,
    parents: [],
    slide: graph.settings.batchInterval,
    compute: (batch) => plan(batch, batch.environment.input(shape.streamId)),
  })
  const shape: InputShape = graph.addInput(
    { kind, parameters: given(parameters), node: node.id, place },
    uid,
  )
  return node
}

/** Blocks hold what the stream's source stored: of the stream's own type by its contract. */
function rowsOfBlocks<T>(chunks: Iterable<Chunk<unknown>>): Iterable<Chunk<T>> {
  return chunks as Iterable<Chunk<T>>
}

function given(parameters: Parameters): Readonly<Record<string, Json>> {
  const entries: [string, Json][] = []
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) entries.push([name, value])
  }
  return Object.fromEntries(entries)
}

function checkParameters({ kind, parameters }: InputSpec, place: Place): void {
  const { host, port } = parameters
  if (host !== undefined && (typeof host !== 'string' || host === '')) {
    throw invalid(place, `the host must be a name or address, not ${JSON.stringify(host)}`)
  }
  if (port === undefined) return
  const lowest = kind === 'http' ? 0 : 1
  if (typeof port === 'number' && Number.isInteger(port) && port >= lowest && port <= 65_535) return
  throw invalid(
    place,
    `the port must be from ${String(lowest)} to 65535, not ${JSON.stringify(port)}`,
  )
}
