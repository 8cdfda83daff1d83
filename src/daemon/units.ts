/**
 * Settings as text: `64 MiB`, `30s`, `4`. Each parser gives a number, or undefined for what it
 * cannot read.
 */
import { parseDuration } from '../base/time.ts'
import { isMillraceError } from '../base/errors.ts'
import { unreachable } from '../base/assert.ts'
import type { Unit } from './settings.ts'

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
}

export function parseBytes(text: string): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text)
  const factor = BYTES[(match?.[2] ?? '').toLowerCase()]
  if (!match || factor === undefined) return undefined
  return Math.round(Number(match[1]) * factor)
}

function parseMs(text: string): number | undefined {
  try {
    return parseDuration(text)
  } catch (error) {
    if (isMillraceError(error)) return undefined
    throw error
  }
}

const parseCount = (text: string): number | undefined =>
  /^\s*-?\d+\s*$/.test(text) ? Number(text) : undefined

export function parseUnit(unit: Unit, value: string): string | number | undefined {
  switch (unit) {
    case 'text':
      return value
    case 'count':
      return parseCount(value)
    case 'bytes':
      return parseBytes(value)
    case 'ms':
      return parseMs(value)
    default:
      return unreachable(unit)
  }
}

/** How a unit is written, for messages. */
export const UNIT_EXAMPLE: Readonly<Record<Unit, string>> = {
  text: 'text',
  count: 'a whole number',
  bytes: 'a size such as 65536, 64KiB, 512MiB or 4GiB',
  ms: 'a duration such as 500ms, 30s or 5min',
}

/** `67108864` → `64 MiB`, where it comes out even. */
export function formatBytes(n: number): string {
  for (const [unit, size] of [
    ['TiB', 1024 ** 4],
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const) {
    if (n >= size) return `${String(Math.round((n / size) * 10) / 10)} ${unit}`
  }
  return `${String(n)} bytes`
}
