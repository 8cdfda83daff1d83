/**
 * A value of state as JSON that says what it was: objects and arrays stand for themselves, and one
 * form each for what JSON has no word for, as keys have them (`executor/key-json.ts`).
 *
 *   {"number": "NaN" | "Infinity" | "-Infinity"}    {"bigint": "123"}    {"bytes": base64}
 *   {"date": "2026-01-31T12:00:00.000Z" | "invalid"}    {"map": [[key, value], …]}
 *   {"set": [value, …]}    {"error": "Error: why"}    {"cycle": true}    {"undefined": true}
 */

export function valueToJson(value: unknown): unknown {
  return shown(value, [])
}

/** `within`: the objects around it. */
function shown(value: unknown, within: readonly object[]): unknown {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : { number: String(value) }
    case 'bigint':
      return { bigint: String(value) }
    case 'undefined':
      return { undefined: true }
    case 'object':
      if (value === null) return null
      return within.includes(value) ? { cycle: true } : shownObject(value, [...within, value])
    default:
      return value
  }
}

function shownObject(value: object, within: readonly object[]): unknown {
  const inside = (part: unknown): unknown => shown(part, within)
  if (Array.isArray(value)) return Array.from(value, inside)
  if (value instanceof Map) {
    return { map: Array.from(value, ([key, of]: [unknown, unknown]) => [inside(key), inside(of)]) }
  }
  if (value instanceof Set) return { set: Array.from(value, inside) }
  if (value instanceof Date) {
    return { date: Number.isNaN(value.getTime()) ? 'invalid' : value.toISOString() }
  }
  if (value instanceof Error) return { error: String(value) }
  if (value instanceof RegExp) return String(value)
  const bytes = bytesOf(value)
  if (bytes !== undefined) return { bytes: bytes.toString('base64') }
  if (isTyped(value)) return Array.from(value, inside)
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, inside(part)]))
}

function bytesOf(value: object): Buffer | undefined {
  if (value instanceof ArrayBuffer) return Buffer.from(value)
  if (value instanceof DataView || value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  }
  return undefined
}

const isTyped = (value: object): value is ArrayLike<unknown> & object => ArrayBuffer.isView(value)
