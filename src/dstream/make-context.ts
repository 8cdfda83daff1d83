/** The context a program is handed: every method adds to the graph that is being built. */
import { callPlace } from '../dataset/place.ts'
import type { StreamingContext } from './streaming-context.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { invalid } from './graph-builder.ts'
import { blockInput, queueInput, receiverInput, sequenceInput } from './inputs.ts'
import { makeDStream } from './make-dstream.ts'
import { checkOptions } from './options.ts'
import { requireFunction } from './require-function.ts'
import { makeResource } from './resource.ts'
import { transformedAll, united } from './transform.ts'

export function makeContext(graph: GraphBuilder): StreamingContext {
  return {
    batchInterval: graph.settings.batchInterval,
    socketTextStream: (host, port, options = {}) =>
      makeDStream(
        blockInput<string>(graph, {
          kind: 'socketText',
          operator: 'socketTextStream',
          uid: checkOptions('socketTextStream', options).uid,
          parameters: { host, port },
        }),
      ),
    httpStream(options) {
      const { uid, port, host = '127.0.0.1', path = '/' } = checkOptions('httpStream', options)
      const parameters = { host, port, path }
      const spec = { kind: 'http', operator: 'httpStream', uid, parameters } as const
      return makeDStream(blockInput<string>(graph, spec))
    },
    generatorStream(options = {}) {
      const { uid, linesPerSecond, lines, seed } = checkOptions('generatorStream', options)
      return makeDStream(
        blockInput<string>(graph, {
          kind: 'generator',
          operator: 'generatorStream',
          uid,
          parameters: { linesPerSecond, lines, seed },
        }),
      )
    },
    receiverStream: (options, make) =>
      makeDStream(receiverInput(graph, checkOptions('receiverStream', options).uid, make)),
    queueStream: (queue, oneAtATime = true, fallback = []) =>
      makeDStream(queueInput(graph, queue, oneAtATime, fallback)),
    sequenceStream: (options) =>
      makeDStream(sequenceInput(graph, checkOptions('sequenceStream', options))),
    union: (streams) =>
      makeDStream(
        united(
          streams.map((stream) => stream.node),
          callPlace('union'),
        ),
      ),
    transform: (streams, f) => {
      const place = callPlace('transform')
      requireFunction(place, f)
      const nodes = streams.map((stream) => stream.node)
      return makeDStream(transformedAll(nodes, place, f))
    },
    resource: (options) => {
      const place = callPlace('resource')
      checkOptions('resource', options, place)
      const { uid } = graph.claim('resource', place, options.uid)
      if (typeof options.open !== 'function' || typeof options.close !== 'function') {
        throw invalid(place, 'a resource needs the functions open and close')
      }
      const resource = makeResource({ ...options, uid })
      graph.resources.set(uid, resource)
      return resource
    },
  }
}
