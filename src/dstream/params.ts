/** A program's parameters: typed by their defaults, given from outside as text or as values. */
import { MillraceError } from '../base/errors.ts'
import { describePlace } from '../dataset/place.ts'
import type { Place } from '../dataset/runtime.ts'

export type ParamValue = string | number | boolean

/** The types of parameters, widened from the values of their defaults. */
export type Infer<D> = {
  readonly [N in keyof D]: D[N] extends number ? number : D[N] extends boolean ? boolean : string
}

/**
 * Defaults overlaid by what is given. Throws `MR_CONFIG_INVALID` for a name or a value that does
 * not fit.
 */
export function readParams<D extends Readonly<Record<string, ParamValue>>>(
  defaults: D | undefined,
  given: Readonly<Record<string, ParamValue>>,
  place: Place,
): Infer<D> {
  const values: Record<string, ParamValue> = { ...defaults }
  for (const [name, value] of Object.entries(given)) {
    const standard = defaults?.[name]
    if (standard === undefined || !Object.hasOwn(defaults ?? {}, name)) {
      const known = Object.keys(defaults ?? {})
      const list = known.length === 0 ? 'it has none' : `it has ${known.join(', ')}`
      throw invalidParam(place, name, `the program has no such parameter: ${list}`)
    }
    values[name] = read(name, value, standard, place)
  }
  // Every name of D is there, and each value has the type of its default.
  return values as Infer<D>
}

function read(name: string, value: ParamValue, standard: ParamValue, place: Place): ParamValue {
  switch (typeof standard) {
    case 'string':
      return String(value)
    case 'boolean':
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw invalidParam(place, name, `must be true or false, not ${JSON.stringify(value)}`)
    default: {
      const number = typeof value === 'string' && value.trim() === '' ? NaN : Number(value)
      if (typeof value !== 'boolean' && Number.isFinite(number)) return number
      throw invalidParam(place, name, `must be a number, not ${JSON.stringify(value)}`)
    }
  }
}

function invalidParam(place: Place, name: string, message: string): MillraceError {
  return new MillraceError(
    'MR_CONFIG_INVALID',
    `parameter '${name}' of ${describePlace(place)}: ${message}`,
    { details: { parameter: name, place: place.location } },
  )
}
