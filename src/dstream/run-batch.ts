/**
 * One batch on one process. All outputs are planned before any runs, so that an error while
 * planning fails the batch with nothing done; then states are updated, then outputs run in the
 * order they were registered.
 */
import { Scope } from '../dataset/scope.ts'
import type { BatchEnvironment, OutputResult } from './batch.ts'
import type { Graph } from './graph.ts'
import type { Batch } from './current-batch.ts'

/** Every process of the batch calls it. An output whose stream has no dataset gives no result. */
export async function runBatch(
  graph: Graph,
  environment: BatchEnvironment,
): Promise<readonly OutputResult[]> {
  const { runtime } = environment
  const { partitions, collectBytesMax } = graph
  const batch: Batch = {
    environment,
    scope: new Scope({ runtime, partitions, collectBytesMax }),
    eager: [],
  }
  const planned = []
  for (const output of graph.outputs) {
    if ((await output.plan(batch)) !== undefined) planned.push(output)
  }
  for (const plan of batch.eager) await batch.scope.evaluate(() => plan.prepare())
  const results: OutputResult[] = []
  for (const { shape, run } of planned) {
    results.push({ outputId: shape.outputId, parts: await run(batch, shape) })
  }
  return results
}
