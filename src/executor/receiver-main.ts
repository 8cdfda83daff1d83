/**
 * What the process of a custom receiver runs: builds the program, finds the receiver by its input's
 * uid, serves it.
 */
import { buildGraph } from '../dstream/app.ts'
import { childEnd } from '../host/node-child.ts'
import { serveReceiver } from '../sources/custom-child.ts'
import { count, maybe, record, table, text } from './checks.ts'
import { loadApp } from './load-app.ts'
import { receiverOf } from './receiver-of.ts'

const argument = record({
  program: record({ bundle: text, exportName: maybe(text), code: maybe(text) }),
  params: table(text),
  partitions: count,
  uid: text,
})

const child = childEnd()
const { params, partitions, program, uid } = argument(child.argument, 'argument')
const graph = buildGraph(await loadApp(program), params, { partitions })
await serveReceiver(child.channel, receiverOf(graph, uid))
child.exit(0)
