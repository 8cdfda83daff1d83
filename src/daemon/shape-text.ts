/** A program's graph in words. Pure. */
import { formatDuration } from '../base/time.ts'
import { describePlace } from '../dataset/place.ts'
import type {
  GraphShape,
  InputShape,
  NodeShape,
  OutputShape,
  StateShape,
} from '../dstream/shape.ts'
import { unreadStates } from '../dstream/unread-states.ts'

export function shapeLines(shape: GraphShape): readonly string[] {
  const { application, batchMs, inputs, nodes, states, outputs } = shape
  return [
    `${application}: a batch every ${formatDuration(batchMs)}`,
    ...section('inputs', inputs.map(inputLine)),
    ...section('operators', nodes.map(nodeLine)),
    ...section('states', states.map(stateLine)),
    ...unreadStates(shape).map((sentence) => `  ! ${sentence}`),
    ...section('outputs', outputs.map(outputLine)),
  ]
}

const section = (title: string, lines: readonly string[]): readonly string[] => [
  title,
  ...(lines.length === 0 ? ['  none'] : lines.map((line) => `  ${line}`)),
]

const inputLine = ({ streamId, uid, kind, parameters, place }: InputShape): string =>
  `${String(streamId)}  ${uid}: ${kind} ${JSON.stringify(parameters)} (${describePlace(place)})`

function nodeLine({ id, kind, parents, place }: NodeShape): string {
  const from = parents.length === 0 ? '' : ` of ${parents.map(String).join(', ')}`
  return `${String(id)}  ${kind}${from} (${describePlace(place)})`
}

function stateLine({ uid, derived, partitions, codecVersion, idle, place }: StateShape): string {
  const name = derived ? `${uid} (not named by the program)` : uid
  return (
    `${name}: ${String(partitions)} partitions, codec version ${String(codecVersion)}, ` +
    `idle keys: ${idle} (${describePlace(place)})`
  )
}

const outputLine = ({ outputId, uid, kind, parameters, place }: OutputShape): string =>
  `${String(outputId)}  ${uid}: ${kind} ${JSON.stringify(parameters)} (${describePlace(place)})`
