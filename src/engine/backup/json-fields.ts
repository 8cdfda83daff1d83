/** Fields of parsed JSON, checked one by one: a RangeError names the one that is wrong. Pure. */

export type Fields = Readonly<Record<string, unknown>>

export function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function numberIn(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new RangeError(`${name} is no number`)
}

export function textIn(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value === 'string') return value
  throw new RangeError(`${name} is no text`)
}

export function recordIn(fields: Fields, name: string): Fields {
  const value = fields[name]
  if (isRecord(value)) return value
  throw new RangeError(`${name} is no object`)
}

export function listOf<T>(fields: Fields, name: string, read: (entry: Fields) => T): readonly T[] {
  const value = fields[name]
  if (!Array.isArray(value)) throw new RangeError(`${name} is no list`)
  return value.map((entry: unknown) => {
    if (!isRecord(entry)) throw new RangeError(`${name} holds something else than objects`)
    return read(entry)
  })
}
