/**
 * Names of text file outputs. Pure.
 *
 *   target    <prefix>-<TIME>[.<suffix>]                   what readers see; TIME in ms
 *   staging   .<target's name>.staged-<owner>-<output>-<attempt>   beside it, until published
 *   part      part-00000 …                                 the partition's number; in either
 *
 * The owner tells data directories apart that write into one place. A prefix may hold directories;
 * an empty one leaves `<TIME>[.<suffix>]`. `directory` and a relative prefix are taken from the
 * working directory.
 */
import { basename, dirname, join, resolve } from 'node:path'
import { utf8 } from '../base/bytes.ts'
import { crc32c } from '../base/checksum.ts'
import { MillraceError } from '../base/errors.ts'
import type { Json } from '../dstream/shape.ts'

export const SUCCESS = '_SUCCESS'
const PART_DIGITS = 5

/** An output of kind `textFiles`, as it stands in the graph's shape or in a commit. */
export interface TextFilesOutput {
  readonly outputId: number
  readonly uid: string
  /** {prefix, suffix?, directory?} */
  readonly parameters: Readonly<Record<string, Json>>
}

/** What an engine's text files have in common. */
export interface TextFilesPlace {
  /** What relative prefixes are taken from, absolute. */
  readonly workingDirectory: string
  /** Names the data directory, in eight characters: see `ownerOf`. */
  readonly owner: string
}

/** A short name of a data directory, from the absolute path of its log. */
export const ownerOf = (logDirectory: string): string =>
  crc32c(utf8(logDirectory)).toString(16).padStart(8, '0')

/** An absolute path. Throws `MR_CONFIG_INVALID` for parameters that are no text. */
export function targetDirectory(
  output: TextFilesOutput,
  time: number,
  workingDirectory: string,
): string {
  const prefix = text(output, 'prefix')
  const suffix = text(output, 'suffix')
  if (suffix.includes('/')) throw invalid(output, 'suffix', 'must hold no /')
  const stem = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}-`
  const name = `${stem}${String(time)}${suffix === '' ? '' : `.${suffix}`}`
  return resolve(workingDirectory, text(output, 'directory'), name)
}

export function stagingDirectory(
  target: string,
  { owner }: Pick<TextFilesPlace, 'owner'>,
  outputId: number,
  attempt: number,
): string {
  const name = `.${basename(target)}.staged-${owner}-${String(outputId)}-${String(attempt)}`
  return join(dirname(target), name)
}

export const partName = (partition: number): string =>
  `part-${String(partition).padStart(PART_DIGITS, '0')}`

/**
 * Where the staging directories of an output lie, and which names are theirs, whatever time and
 * attempt.
 */
export function stagingPattern(
  output: TextFilesOutput,
  { owner, workingDirectory }: TextFilesPlace,
): { readonly parent: string; readonly isStaging: (name: string) => boolean } {
  const mark = '0'
  const target = targetDirectory(output, 0, workingDirectory)
  const name = basename(target)
  const suffix = text(output, 'suffix')
  const tail = suffix === '' ? '' : `.${suffix}`
  const head = `.${name.slice(0, name.length - tail.length - mark.length)}`
  const staged = new RegExp(
    `^\\d+${escape(tail)}\\.staged-${owner}-${String(output.outputId)}-\\d+$`,
  )
  return {
    parent: dirname(target),
    isStaging: (entry) => entry.startsWith(head) && staged.test(entry.slice(head.length)),
  }
}

const escape = (literal: string): string => literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

function text(output: TextFilesOutput, name: string): string {
  const value = output.parameters[name] ?? ''
  if (typeof value !== 'string') throw invalid(output, name, 'must be a text')
  return value
}

function invalid({ uid }: TextFilesOutput, parameter: string, what: string): MillraceError {
  return new MillraceError('MR_CONFIG_INVALID', `output '${uid}': ${parameter} ${what}`, {
    details: { uid, parameter },
  })
}
