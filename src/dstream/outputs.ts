/** Output operations: what they are called with, and how each runs in a batch. */
import { resolve } from 'node:path'
import { serialize } from 'node:v8'
import { utf8 } from '../base/bytes.ts'
import { MillraceError, messageOf } from '../base/errors.ts'
import { formatRow } from '../base/format-row.ts'
import { partitionRows, take } from '../dataset/actions.ts'
import type { Dataset } from '../dataset/dataset.ts'
import { blame, callPlace, describePlace } from '../dataset/place.ts'
import type { PlanNode } from '../dataset/plan.ts'
import type { Place } from '../dataset/runtime.ts'
import { eachRow } from '../dataset/text.ts'
import type { PartitionedRows, StagedPart } from './batch.ts'
import type { BatchContext, Outputs, PartitionContext } from './dstream.ts'
import { runForeachRDD } from './foreach-rdd.ts'
import { invalid, type GraphBuilder } from './graph-builder.ts'
import { checkOptions, checkTextFiles } from './options.ts'
import type { RunOutput } from './output.ts'
import { requireFunction } from './require-function.ts'
import type { Json, OutputKind, OutputShape } from './shape.ts'
import type { Batch } from './current-batch.ts'
import type { StreamNode } from './stream-node.ts'

const RULE = '-------------------------------------------'

export function outputsOf<T>(node: StreamNode<T>): Outputs<T> {
  return {
    print(n = 10, options = {}) {
      const place = callPlace('print')
      if (!Number.isSafeInteger(n) || n < 0) {
        throw invalid(place, `the number of rows must be a whole number from 0, not ${String(n)}`)
      }
      const { uid } = checkOptions('print', options, place)
      register(node, 'print', place, { n }, uid, printed(place, n))
    },
    saveAsTextFiles(prefix, suffix = '', options = {}) {
      const place = callPlace('saveAsTextFiles')
      checkTextFiles(prefix, suffix, place)
      const { uid } = checkOptions('saveAsTextFiles', options, place)
      refuseTwins(node.graph, { prefix, suffix }, place)
      register(node, 'textFiles', place, { prefix, suffix }, uid, handedOver)
    },
    foreachRDD(f, options = {}) {
      const place = callPlace('foreachRDD')
      requireFunction(place, f)
      const { uid } = checkOptions('foreachRDD', options, place)
      register(node, 'foreachRDD', place, {}, uid, onOneProcess(place, f))
    },
    foreachPartition(options, f) {
      const place = callPlace('foreachPartition')
      requireFunction(place, f)
      const { uid } = checkOptions('foreachPartition', options, place)
      register(node, 'foreachPartition', place, {}, uid, onEachPartition(node.graph, place, f))
    },
    toRows(uid) {
      register(node, 'rows', callPlace('toRows'), {}, uid, packed)
    },
  }
}

/** What comes before the time in the paths of an output: relative prefixes mean one directory. */
const stemOf = (prefix: string): string =>
  prefix === '' || prefix.endsWith('/') ? `${resolve(prefix)}/` : `${resolve(prefix)}-`

/** Two outputs that write to the same directories: the second could never be published. */
function refuseTwins(
  graph: GraphBuilder,
  { prefix, suffix }: { readonly prefix: string; readonly suffix: string },
  place: Place,
): void {
  const target = stemOf(prefix)
  const twin = graph.outputs.find(
    ({ shape: { kind, parameters } }) =>
      kind === 'textFiles' &&
      typeof parameters['prefix'] === 'string' &&
      stemOf(parameters['prefix']) === target &&
      parameters['suffix'] === suffix,
  )
  if (twin === undefined) return
  const where = describePlace(twin.shape.place)
  throw invalid(place, `${where} writes to '${prefix}' already: name another directory`)
}

type RunTyped<T> = (
  dataset: PlanNode<T>,
  batch: Batch,
  output: OutputShape,
) => Promise<readonly StagedPart[]>

function register<T>(
  node: StreamNode<T>,
  kind: OutputKind,
  place: Place,
  parameters: { readonly [key: string]: Json },
  uid: string | undefined,
  run: RunTyped<T>,
): void {
  node.consume()
  const runIfPlanned: RunOutput = async (batch, output) => {
    const dataset = await node.datasetOf(batch)
    return dataset === undefined ? [] : await run(dataset, batch, output)
  }
  const plan = async (batch: Batch): Promise<PlanNode<unknown> | undefined> => {
    const dataset = await node.datasetOf(batch)
    dataset?.use()
    return dataset
  }
  node.graph.addOutput({ kind, parameters, node: node.id, place }, uid, runIfPlanned, plan)
}

/** The text that `print` shows, staged by one process. */
function printed<T>(place: Place, n: number): RunTyped<T> {
  return async (dataset, batch) => {
    const rows = await batch.scope.evaluate(() => take(dataset, place, n + 1))
    if (batch.scope.rank !== 0) return []
    const { time } = batch.environment
    const lines = [RULE, `Time: ${String(time)} ms`, RULE]
    lines.push(...rows.slice(0, n).map((row) => textOf(row, place)))
    if (rows.length > n) lines.push('...')
    return [{ partition: 0, payload: utf8(`${lines.join('\n')}\n\n`) }]
  }
}

function textOf(row: unknown, place: Place): string {
  try {
    return formatRow(row)
  } catch (error) {
    throw blame(place, error)
  }
}

/** The rows themselves, in the commit. */
const packed: RunTyped<unknown> = (dataset, batch, output) =>
  batch.scope.evaluate(async () => {
    await dataset.prepare()
    const parts: StagedPart[] = []
    for (const partition of dataset.own) {
      const rows = await partitionRows(dataset, partition, output.place)
      parts.push({ partition, payload: pack(rows, output.place) })
    }
    return parts
  })

function pack(rows: readonly unknown[], place: Place): Uint8Array {
  try {
    return serialize(rows)
  } catch (error) {
    throw new MillraceError(
      'MR_USER_FUNCTION_FAILED',
      `${describePlace(place)}: a row is not plain data: ${messageOf(error)}`,
      { cause: error, details: { operator: place.operator, place: place.location } },
    )
  }
}

/** Outputs whose staging needs disk or network are run by what the environment brings. */
const handedOver: RunTyped<unknown> = async (dataset, batch, output) => {
  const { outputs, time, attempt } = batch.environment
  const runner = outputs[output.kind]
  if (runner === undefined) {
    throw new MillraceError(
      'MR_OUTPUT_FAILED',
      `${describePlace(output.place)}: this context cannot run outputs of kind ${output.kind}`,
    )
  }
  return await batch.scope.evaluate(async () => {
    await dataset.prepare()
    const rows: PartitionedRows = {
      partitions: dataset.layout.partitions,
      own: dataset.own,
      rows: (partition) => partitionRows(dataset, partition, output.place),
    }
    return await runner(output, rows, { time, attempt })
  })
}

function onOneProcess<T>(
  place: Place,
  f: (dataset: Dataset<T>, context: BatchContext) => Promise<void> | void,
): RunTyped<T> {
  return async (dataset, batch) => {
    const { time, attempt } = batch.environment
    await runForeachRDD(dataset, place, (rows) => f(rows, { time, attempt }))
    return []
  }
}

function onEachPartition<T>(
  graph: GraphBuilder,
  place: Place,
  f: (rows: Iterable<T>, context: PartitionContext) => Promise<void> | void,
): RunTyped<T> {
  const { application } = graph.settings
  return (dataset, batch, output) =>
    batch.scope.evaluate(async () => {
      await dataset.prepare()
      for (const partition of dataset.own) {
        const chunks = await dataset.open(partition)
        batch.environment.runtime.enter([...dataset.places, place])
        try {
          await f(eachRow(chunks), partitionContext(batch, application, output, partition))
        } catch (error) {
          throw blame(place, error)
        }
        await batch.scope.breathe()
      }
      return []
    })
}

function partitionContext(
  batch: Batch,
  application: string,
  output: OutputShape,
  partition: number,
): PartitionContext {
  const { environment } = batch
  const { time, attempt } = environment
  return {
    time,
    attempt,
    partition,
    address: `${application}/${output.uid}/${String(time)}/${String(partition)}`,
    signal: environment.runtime.signal,
    use: async (resource) => {
      await environment.use(resource.uid)
      return await resource.acquire()
    },
  }
}
