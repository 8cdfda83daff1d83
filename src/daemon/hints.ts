/** What to try next with a running program: a line for each of its inputs and states. Pure. */
import type { Json } from '../dstream/shape.ts'
import type { EngineStatus, InputStatus } from '../engine/status.ts'

export function hintsOf(status: EngineStatus, adminUrl: string): string[] {
  const inputs = status.inputs.flatMap(hintOf)
  const states = status.states.map(
    ({ uid }) => `curl ${adminUrl}/state/${encodeURIComponent(uid)}/%22word%22`,
  )
  return [...inputs, ...states]
}

function hintOf({ active, shape }: InputStatus): string[] {
  const { host, path, port } = shape.parameters
  switch (shape.kind) {
    case 'http': {
      const url = `http://${text(host, '127.0.0.1')}:${text(port)}${text(path, '/')}`
      return port === 0 || !active ? [] : [`curl --data-binary 'a word or a hundred' ${url}`]
    }
    case 'socketText':
      return [`nc -lk ${text(host)} ${text(port)}   and type lines: input '${shape.uid}'`]
    default:
      return []
  }
}

const text = (value: Json | undefined, otherwise = ''): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise
