/** One value of one setting: read, checked, and refused in words that say what would be right. */
import { Value } from '@sinclair/typebox/value'
import { MillraceError } from '../base/errors.ts'
import type { Setting } from './settings.ts'
import { nearest } from '../base/suggest.ts'
import { UNIT_EXAMPLE, parseUnit } from './units.ts'

/** A value as it stands in JSON. `where` says where it stands, for the message. */
export function readJson(setting: Setting, value: unknown, where: string): string | number {
  if (typeof value === 'string') return readText(setting, value, where)
  if (typeof value === 'number') return check(setting, value, where, String(value))
  throw invalid(`${where}: not ${expected(setting)}: ${JSON.stringify(value)}`)
}

/** A value as text, from a flag or an environment variable. */
export function readText(setting: Setting, value: string, where: string): string | number {
  const parsed = parseUnit(setting.unit, value)
  if (parsed === undefined) throw wrongValue(setting, where, value)
  return check(setting, parsed, where, value)
}

function check(
  setting: Setting,
  value: string | number,
  where: string,
  written: string,
): string | number {
  if (!Value.Check(setting.schema, value)) throw wrongValue(setting, where, written)
  return value
}

function wrongValue(setting: Setting, where: string, written: string): MillraceError {
  const choices = choicesOf(setting)
  const meant = choices === undefined ? '' : hint(written, choices)
  return invalid(`${where}: not ${expected(setting)}: '${written}'${meant}`)
}

/** `a whole number from 1 to 64` */
function expected(setting: Setting): string {
  const choices = choicesOf(setting)
  if (choices !== undefined) return `one of ${choices.join(', ')}`
  const minimum: unknown = setting.schema['minimum']
  const maximum: unknown = setting.schema['maximum']
  const range = typeof minimum === 'number' ? ` from ${String(minimum)} to ${String(maximum)}` : ''
  return `${UNIT_EXAMPLE[setting.unit]}${range}`
}

export function choicesOf(setting: Setting): readonly string[] | undefined {
  const choices: unknown = setting.schema['anyOf']
  if (!Array.isArray(choices)) return undefined
  return choices.map((choice: unknown) => String(isRecord(choice) ? choice['const'] : choice))
}

export function hint(wrong: string, right: readonly string[]): string {
  const near = nearest(wrong, right)
  return near === undefined ? '' : `; did you mean ${near}?`
}

export const invalid = (message: string, cause?: unknown): MillraceError =>
  new MillraceError('MR_CONFIG_INVALID', message, { cause })

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
