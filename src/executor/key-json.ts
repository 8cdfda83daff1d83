/**
 * Keys as JSON, for queries: what JSON can say stands for itself, arrays are tuples, and three
 * forms stand for the rest.
 *
 *   {"bigint": "12345678901234567890"}      {"bytes": "AQID"} (base64)
 *   {"number": "NaN"}, also "Infinity" and "-Infinity"
 */
import { MillraceError } from '../base/errors.ts'
import type { Key } from '../base/keys.ts'

/** Throws `MR_KEY_INVALID` for what is no key. */
export function keyFromJson(json: unknown): Key {
  switch (typeof json) {
    case 'string':
    case 'number':
    case 'boolean':
      return json
    case 'object':
      if (json === null) return null
      if (Array.isArray(json)) return json.map(keyFromJson)
      return special(json)
    default:
      return refuse(json)
  }
}

function special(json: object): Key {
  const entries: readonly (readonly [string, unknown])[] = Object.entries(json)
  const [form, value] = entries[0] ?? []
  if (entries.length !== 1 || typeof value !== 'string') return refuse(json)
  if (form === 'bigint' && /^-?\d+$/.test(value)) return BigInt(value)
  if (form === 'bytes' && /^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
    return new Uint8Array(Buffer.from(value, 'base64'))
  }
  if (form === 'number' && /^(NaN|-?Infinity)$/.test(value)) return Number(value)
  return refuse(json)
}

function refuse(json: unknown): never {
  throw new MillraceError(
    'MR_KEY_INVALID',
    `${json === undefined ? 'nothing' : JSON.stringify(json).slice(0, 200)} is no key: write a ` +
      'string, number, boolean, null, an array of keys, {"bigint":"1"}, {"bytes":"base64"} or ' +
      '{"number":"NaN"}',
  )
}
