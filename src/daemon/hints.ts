/**
 * What to try next with a running program: a line for each of its inputs and states. What the
 * program reads and which keys it has is its own affair, so no line invents either. Pure.
 */
import type { Json } from '../dstream/shape.ts'
import type { EngineStatus, InputStatus } from '../engine/status.ts'

export function hintsOf(status: EngineStatus, adminUrl: string): string[] {
  const inputs = status.inputs.flatMap(hintOf)
  const states = status.states.map(
    ({ uid }) =>
      `curl ${adminUrl}/state/${encodeURIComponent(uid)}/KEY   (a key as JSON, percent-encoded)`,
  )
  return [...inputs, ...states]
}

function hintOf({ active, shape }: InputStatus): string[] {
  const { host, path, port } = shape.parameters
  switch (shape.kind) {
    case 'http': {
      const url = `http://${text(host, '127.0.0.1')}:${text(port)}${text(path, '/')}`
      if (port === 0 || !active) return []
      return [`curl --data-binary 'a line' ${url}   (send a line your program reads)`]
    }
    case 'socketText': {
      const listen = `nc -lk ${text(host)} ${text(port)}`
      if (!LOOPBACK.test(text(host)) || active) return []
      return [`${listen}   (and type lines your program reads: input '${shape.uid}')`]
    }
    default:
      return []
  }
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1)$/

const text = (value: Json | undefined, otherwise = ''): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise
