/**
 * A vector's pipeline as a program of the public API. Sources are sequences that any process can
 * read again; the result is put out partition by partition, so that a batch without a dataset, an
 * empty one and empty partitions stay apart.
 */
import type { Key, Pair } from '../../src/base/keys.ts'
import { millis } from '../../src/base/time.ts'
import type { Dataset } from '../../src/dataset/dataset.ts'
import type { DStream } from '../../src/dstream/dstream.ts'
import type { Json } from '../../src/dstream/shape.ts'
import type { StreamingContext } from '../../src/dstream/streaming-context.ts'
import { binary, many, ofPartition, predicate, unary, update } from './functions.ts'
import { manyTransform, oneTransform } from './transforms.ts'
import {
  isObject,
  listOf,
  numberIn,
  numberOf,
  objectOf,
  textOf,
  type JsonObject,
  type Vector,
} from './vector.ts'

/** Uid of the output that holds what the pipeline yields. */
export const OUTPUT = 'result'

type Stream = DStream<Json>
type PairStream = DStream<Pair<Key, Json>>

/** A step that no builder is written for: its vector is skipped. */
export class UnknownStep extends Error {
  override readonly name = 'UnknownStep'
}

// The vectors say which streams hold pairs; for the compiler all of them hold JSON. What is no pair
// after all is refused by the operators themselves.
const pairs = (stream: Stream): PairStream => stream as unknown as PairStream
const rows = <T>(stream: DStream<T>): Stream => stream as unknown as Stream

interface Build {
  readonly ssc: StreamingContext
  /** Sources by number, from 1. */
  readonly sources: readonly Stream[]
}

type StepBuilder = (stream: Stream, step: JsonObject, build: Build) => Stream

const partitionsOf = (step: JsonObject): number | undefined => numberIn(step, 'numPartitions')

/** The streams that a step names beside its own. */
function others(step: JsonObject, build: Build): readonly Stream[] {
  return listOf(step['with'] ?? [], 'with').map((item) => {
    const { input, pipeline } = objectOf(item, 'with')
    const source = build.sources[numberOf(input, 'input') - 1]
    if (source === undefined) throw new UnknownStep(`source ${JSON.stringify(input)}`)
    return runSteps(source, listOf(pipeline ?? [], 'pipeline'), build)
  })
}

function other(step: JsonObject, build: Build): Stream {
  const [first] = others(step, build)
  if (first === undefined)
    throw new UnknownStep(`${textOf(step['op'], 'op')} without another stream`)
  return first
}

const STEPS: Readonly<Record<string, StepBuilder>> = {
  map: (s, { fn }) => s.map(unary(fn)),
  flatMap: (s, { fn }) => s.flatMap(many(fn)),
  filter: (s, { fn }) => s.filter(predicate(fn)),
  mapPartitions: (s, { fn }) => s.mapPartitions(ofPartition(fn)),
  glom: (s) => rows(s.glom()),
  repartition: (s, { n }) => s.repartition(numberOf(n, 'n')),
  count: (s) => rows(s.count()),
  reduce: (s, { fn }) => s.reduce(binary(fn)),
  countByValue: (s, step) => rows(keys(s).countByValue(partitionsOf(step))),
  union: (s, step, build) => others(step, build).reduce((all, next) => all.union(next), s),
  keyBy: (s, { fn }) => rows(s.keyBy(key(unary(fn)))),
  mapValues: (s, { fn }) => rows(pairs(s).mapValues(unary(fn))),
  flatMapValues: (s, { fn }) => rows(pairs(s).flatMapValues(many(fn))),
  reduceByKey: (s, step) => rows(pairs(s).reduceByKey(binary(step['fn']), partitionsOf(step))),
  groupByKey: (s, step) => rows(pairs(s).groupByKey(partitionsOf(step))),
  combineByKey: (s, step) =>
    rows(
      pairs(s).combineByKey(
        unary(step['createCombiner']),
        binary(step['mergeValue']),
        binary(step['mergeCombiner']),
        partitionsOf(step),
      ),
    ),
  cogroup: (s, step, build) =>
    rows(
      pairs(s)
        .cogroup(pairs(other(step, build)), partitionsOf(step))
        .mapValues(([left, right]): Json => [left, right]),
    ),
  join: (s, step, build) => rows(pairs(s).join(pairs(other(step, build)), partitionsOf(step))),
  leftOuterJoin: (s, step, build) =>
    rows(pairs(s).leftOuterJoin(pairs(other(step, build)), partitionsOf(step))),
  rightOuterJoin: (s, step, build) =>
    rows(pairs(s).rightOuterJoin(pairs(other(step, build)), partitionsOf(step))),
  fullOuterJoin: (s, step, build) =>
    rows(pairs(s).fullOuterJoin(pairs(other(step, build)), partitionsOf(step))),
  updateStateByKey,
  transform,
  transformWith: transform,
}

const keys = (stream: Stream): DStream<Key> => stream as unknown as DStream<Key>
const key =
  (f: (x: Json) => Json) =>
  (x: Json): Key =>
    f(x) as Key

function updateStateByKey(stream: Stream, step: JsonObject): Stream {
  const change = update(step['update'])
  const partitions = partitionsOf(step)
  const initial = step['initialState']
  const state = pairs(stream).updateStateByKey<Key, Json, Json>(
    {
      ...(partitions === undefined ? {} : { partitions }),
      ...(initial === undefined ? {} : { initial: initialPairs(initial) }),
    },
    (values, previous, context) => change(values, previous, context),
  )
  const checkpointMs = numberIn(step, 'checkpointMs')
  if (checkpointMs !== undefined) state.checkpoint(millis(checkpointMs))
  const project = step['project']
  if (project === undefined) return rows(state)
  const field = textOf(project, 'project')
  return rows(state.mapValues((value) => (isObject(value) ? (value[field] ?? null) : null)))
}

const initialPairs = (initial: Json): readonly Pair<Key, Json>[] =>
  listOf(initial, 'initialState').map((pair) => {
    const [first, second] = listOf(pair, 'initialState')
    return [first as Key, second ?? null]
  })

function transform(stream: Stream, step: JsonObject, build: Build): Stream {
  const beside = others(step, build)
  if (beside.length === 0) {
    const f = oneTransform(step['transform'])
    return stream.transform<Json>((dataset, { time }) => f(dataset, time))
  }
  const f = manyTransform(step['transform'])
  const [second] = beside
  if (step['op'] === 'transformWith' && second !== undefined && beside.length === 1) {
    return stream.transformWith(second, (a: Dataset<Json>, b: Dataset<Json>) => f([a, b]))
  }
  return build.ssc.transform([stream, ...beside], (datasets) => f(datasets))
}

function runSteps(source: Stream, steps: readonly Json[], build: Build): Stream {
  return steps.reduce<Stream>((stream, item) => {
    const step = objectOf(item, 'step')
    const name = textOf(step['op'], 'op')
    const builder = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined
    if (builder === undefined) throw new UnknownStep(`operation '${name}'`)
    return builder(stream, step, build)
  }, source)
}

const INPUT_PARTITIONS = 2

/**
 * Builds the vector's graph. Throws `UnknownStep` or `UnknownFunction` where this runner has no
 * words for it.
 */
export function buildPipeline(ssc: StreamingContext, vector: Vector): void {
  const partitions = numberIn(vector.raw, 'numInputPartitions') ?? INPUT_PARTITIONS
  const sources = vector.inputs.map((batches, index) =>
    ssc.sequenceStream<Json>({ uid: `input-${String(index + 1)}`, partitions, batches }),
  )
  const [first] = sources
  if (first === undefined) throw new UnknownStep('a pipeline without a source')
  const build = { ssc, sources }
  const result = runSteps(first, listOf(vector.op['pipeline'], 'pipeline'), build)
  result.glom().toRows(OUTPUT)
}

/** Why the runner has no words for a vector's pipeline; undefined when it has. Nothing is built. */
export function unknownPart(vector: Vector): string | undefined {
  return unknownIn(listOf(vector.op['pipeline'], 'pipeline'))
}

function unknownIn(steps: readonly Json[]): string | undefined {
  for (const item of steps) {
    const step = objectOf(item, 'step')
    const name = textOf(step['op'], 'op')
    if (!Object.hasOwn(STEPS, name)) return `operation '${name}' is not built yet`
    for (const beside of listOf(step['with'] ?? [], 'with')) {
      const inside = unknownIn(listOf(objectOf(beside, 'with')['pipeline'] ?? [], 'pipeline'))
      if (inside !== undefined) return inside
    }
  }
  return undefined
}
