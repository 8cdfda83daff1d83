/**
 * A vector as a program: the vector itself is the parameter, so that one module runs all of them,
 * inline and in executor processes. Only the batch interval has to be known before.
 */
import { millis } from '../../src/base/time.ts'
import { buildGraph, defineApp, type App } from '../../src/dstream/app.ts'
import type { Json } from '../../src/dstream/shape.ts'
import { buildPipeline } from './pipeline.ts'
import { decodeVector, type Vector } from './vector.ts'

export interface VectorParams {
  readonly vector: string
}

export const vectorApp = (batchMs: number): App<VectorParams> =>
  defineApp(
    { name: 'vector', batchInterval: millis(batchMs), params: { vector: '' } },
    (ssc, { vector }) => {
      // The text was made by `paramsOf`.
      buildPipeline(ssc, decodeVector(JSON.parse(vector) as Json))
    },
  )

export const paramsOf = (vector: Vector): { vector: string } => ({
  vector: JSON.stringify(vector.raw),
})

/** What building the vector's graph throws, or undefined. */
export function constructionError(vector: Vector): { readonly thrown: unknown } | undefined {
  try {
    buildGraph(vectorApp(vector.batchMs ?? 0), paramsOf(vector))
    return undefined
  } catch (thrown) {
    return { thrown }
  }
}
