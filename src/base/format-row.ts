/**
 * How a row looks in text, for `print` and text files: Spark's form, so that a pair is `(hello,1)`.
 *
 *   string                raw              array, pair        (a,b), each element by these rules
 *   number, boolean       as it is         Map, Set           Map(k -> v, …), Set(a, …)
 *   bigint                digits only      bytes              hex
 *   null, undefined       null             Date               ISO 8601, in UTC
 *                                          any other object   JSON; bigints in it as strings
 *
 * Pure. Throws a TypeError for an object that has itself inside.
 */
export function formatRow(row: unknown): string {
  switch (typeof row) {
    case 'string':
      return row
    case 'undefined':
      return 'null'
    case 'object':
      return row === null ? 'null' : formatObject(row)
    default:
      return String(row)
  }
}

function formatObject(row: object): string {
  if (Array.isArray(row)) return `(${row.map(formatRow).join(',')})`
  if (row instanceof Uint8Array) {
    return Buffer.from(row.buffer, row.byteOffset, row.byteLength).toString('hex')
  }
  if (row instanceof Map) {
    const entries = [...row].map(([key, value]) => `${formatRow(key)} -> ${formatRow(value)}`)
    return `Map(${entries.join(', ')})`
  }
  if (row instanceof Set) return `Set(${[...row].map(formatRow).join(', ')})`
  if (row instanceof Date) return Number.isNaN(row.getTime()) ? 'Invalid Date' : row.toISOString()
  return JSON.stringify(row, plainBigInt)
}

const plainBigInt = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
