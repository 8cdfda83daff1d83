/**
 * Decoders of values that came from another process: each takes anything and returns a typed value
 * or throws `MR_PROTOCOL` naming the path of what is wrong. Built from small parts, so that a
 * message's type and its check are one.
 */
import { MillraceError } from '../base/errors.ts'

export type Check<T> = (value: unknown, path: string) => T
export type Checked<C> = C extends Check<infer T> ? T : never

function wrong(path: string, wanted: string): never {
  throw new MillraceError('MR_PROTOCOL', `a message of an executor: ${path} is no ${wanted}`)
}

export const text: Check<string> = (value, path) =>
  typeof value === 'string' ? value : wrong(path, 'string')

export const flag: Check<boolean> = (value, path) =>
  typeof value === 'boolean' ? value : wrong(path, 'boolean')

/** A safe integer ≥ 0. */
export const count: Check<number> = (value, path) =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
    ? value
    : wrong(path, 'integer ≥ 0')

export const bytes: Check<Uint8Array> = (value, path) =>
  value instanceof Uint8Array ? value : wrong(path, 'bytes')

/** Anything: it is only handed on. */
export const anything: Check<unknown> = (value) => value

export const literal =
  <const L extends string>(...allowed: readonly L[]): Check<L> =>
  (value, path) =>
    allowed.find((one) => one === value) ?? wrong(path, allowed.join(' or '))

export const maybe =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value, path) =>
    value === undefined ? undefined : check(value, path)

export const list =
  <T>(check: Check<T>): Check<readonly T[]> =>
  (value, path) =>
    Array.isArray(value)
      ? value.map((item, i) => check(item, `${path}[${String(i)}]`))
      : wrong(path, 'list')

/** A record with text as keys. */
export const table =
  <T>(check: Check<T>): Check<Readonly<Record<string, T>>> =>
  (value, path) =>
    Object.fromEntries(
      Object.entries(plain(value, path)).map(([key, item]) => [key, check(item, `${path}.${key}`)]),
    )

type Fields = Readonly<Record<string, Check<unknown>>>
type FieldsOf<F extends Fields> = { readonly [K in keyof F]: Checked<F[K]> }

/** Exactly these fields; others are left out of the result. */
export const record =
  <const F extends Fields>(fields: F): Check<FieldsOf<F>> =>
  (value, path) => {
    const source = plain(value, path)
    const entries = Object.entries(fields).map(
      ([name, check]) => [name, check(source[name], `${path}.${name}`)] as const,
    )
    return Object.fromEntries(entries) as FieldsOf<F>
  }

type Variants = Readonly<Record<string, Fields>>
type UnionOf<V extends Variants> = {
  readonly [K in keyof V]: { readonly kind: K } & FieldsOf<V[K]>
}[keyof V]

/** One of several records told apart by `kind`. */
export function union<const V extends Variants>(variants: V): Check<UnionOf<V>> {
  const checks = new Map(
    Object.entries(variants).map(([kind, fields]) => [kind, record(fields)] as const),
  )
  return (value, path) => {
    const kind = text(plain(value, path)['kind'], `${path}.kind`)
    const check = checks.get(kind) ?? wrong(`${path}.kind`, 'known kind')
    return { kind, ...check(value, path) } as UnionOf<V>
  }
}

function plain(value: unknown, path: string): Readonly<Record<string, unknown>> {
  return isPlain(value) ? value : wrong(path, 'record')
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
