/**
 * From the headers and body of a POST to the lines of a block, or to the answer that refuses it.
 * Pure.
 *
 *   text/plain, application/x-ndjson (or ndjson, jsonl; or no type; or what curl says by itself):
 *     each line is a record, as text
 *   application/json: the whole body is one record; its line breaks become spaces: JSON has
 *     them between its tokens only
 *
 * A body is taken whole or not at all: one line that is too long or not UTF-8 refuses all of them,
 * and is named.
 */
import type { ErrorCode } from '../base/errors.ts'
import {
  CARRIAGE_RETURN,
  countLines,
  eachLine,
  isText,
  type Lines,
  NEWLINE,
  withoutCarriageReturns,
} from '../receiver/text-lines.ts'

export interface Refusal {
  readonly kind: 'refused'
  readonly status: 400 | 404 | 405 | 409 | 413 | 415 | 429 | 503
  readonly code: ErrorCode
  readonly message: string
  /** The number that a producer has to send next. */
  readonly expected?: number
}

/** Who numbers its POSTs, and this one's number. */
export interface Numbering {
  readonly id: string
  readonly sequence: number
}

type Headers = Readonly<Record<string, string | string[] | undefined>>
type BodyForm = 'lines' | 'one record'

const FORMS: Readonly<Record<string, BodyForm>> = {
  '': 'lines',
  'text/plain': 'lines',
  'application/x-ndjson': 'lines',
  'application/ndjson': 'lines',
  'application/jsonl': 'lines',
  'application/json': 'one record',
  // What curl says of --data and --data-binary, whatever they hold: nothing is decoded.
  'application/x-www-form-urlencoded': 'lines',
}
const CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii'])
const PRODUCER_ID_LENGTH_MAX = 256
const SPACE = 0x20

export function refuse(
  status: Refusal['status'],
  code: ErrorCode,
  message: string,
  more: { readonly expected?: number } = {},
): Refusal {
  return { kind: 'refused', status, code, message, ...more }
}

const textOf = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header

/** How a body of this type is taken. */
export function readForm(headers: Headers): { kind: 'form'; form: BodyForm } | Refusal {
  const unsupported = (what: string): Refusal =>
    refuse(
      415,
      'MR_REQUEST_INVALID',
      `${what}: send text/plain, application/x-ndjson or application/json in UTF-8`,
    )
  const encoding = textOf(headers['content-encoding']) ?? 'identity'
  if (encoding !== 'identity') return unsupported(`the content encoding '${encoding}' is not taken`)
  const [type = '', ...parameters] = (textOf(headers['content-type']) ?? '').split(';')
  const form = FORMS[type.trim().toLowerCase()]
  if (form === undefined) return unsupported(`the content type '${type.trim()}' is not taken`)
  for (const parameter of parameters) {
    const charset = /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/i.exec(parameter)?.[1]?.toLowerCase()
    if (charset !== undefined && !CHARSETS.has(charset)) {
      return unsupported(`the charset '${charset}' is not taken`)
    }
  }
  return { kind: 'form', form }
}

/** `Producer-Id` and `Sequence`: both or neither. */
export function readNumbering(
  headers: Headers,
): { kind: 'numbered'; numbering: Numbering } | { kind: 'unnumbered' } | Refusal {
  const id = textOf(headers['producer-id'])
  const sequence = textOf(headers['sequence'])
  if (id === undefined && sequence === undefined) return { kind: 'unnumbered' }
  if (id === undefined || sequence === undefined) {
    return refuse(
      400,
      'MR_REQUEST_INVALID',
      'Producer-Id and Sequence go together: send both or neither',
    )
  }
  if (id === '' || id.length > PRODUCER_ID_LENGTH_MAX) {
    return refuse(
      400,
      'MR_REQUEST_INVALID',
      `Producer-Id must have 1 to ${String(PRODUCER_ID_LENGTH_MAX)} characters`,
    )
  }
  const n = /^\d{1,16}$/.test(sequence) ? Number(sequence) : NaN
  if (!Number.isSafeInteger(n)) {
    return refuse(
      400,
      'MR_REQUEST_INVALID',
      `Sequence must be a whole number from 0 to 2^53 - 1, not '${sequence.slice(0, 40)}'`,
    )
  }
  return { kind: 'numbered', numbering: { id, sequence: n } }
}

/** The lines of a body: `lineBytesMax` is the longest one taken, in bytes without its end. */
export function readLines(
  body: Buffer,
  form: BodyForm,
  lineBytesMax: number,
): { kind: 'lines'; lines: Lines } | Refusal {
  const bytes = form === 'one record' ? asOneLine(body) : withLastEnd(withoutCarriageReturns(body))
  if (bytes.length > lineBytesMax) {
    const line = findLine(bytes, (l) => l.length - 1 > lineBytesMax)
    if (line > 0) {
      const message = `line ${String(line)} is over the limit of ${String(lineBytesMax)} bytes`
      return refuse(413, 'MR_LINE_TOO_LONG', message)
    }
  }
  if (!isText(bytes)) {
    const line = findLine(bytes, (l) => !isText(l))
    return refuse(400, 'MR_REQUEST_INVALID', `line ${String(line)} is not UTF-8`)
  }
  return { kind: 'lines', lines: { bytes, count: countLines(bytes) } }
}

/** An unterminated last line is a line, and the "\r" that may end it goes as before a "\n". */
function withLastEnd(bytes: Buffer): Buffer {
  if (bytes.length === 0 || bytes[bytes.length - 1] === NEWLINE) return bytes
  const whole = bytes[bytes.length - 1] === CARRIAGE_RETURN ? bytes.subarray(0, -1) : bytes
  return Buffer.concat([whole, Buffer.of(NEWLINE)])
}

function asOneLine(body: Buffer): Buffer {
  const line = Buffer.alloc(body.length + 1)
  let length = 0
  for (const byte of body) {
    line[length++] = byte === NEWLINE || byte === CARRIAGE_RETURN ? SPACE : byte
  }
  while (length > 0 && line[length - 1] === SPACE) length--
  if (length === 0) return Buffer.alloc(0)
  line[length] = NEWLINE
  return line.subarray(0, length + 1)
}

/** The number (from 1) of the first line that is so, or 0. */
function findLine(bytes: Buffer, isSo: (line: Buffer) => boolean): number {
  let number = 0
  for (const line of eachLine(bytes)) {
    number++
    if (isSo(line)) return number
  }
  return 0
}
