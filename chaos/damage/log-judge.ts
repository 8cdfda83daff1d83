/**
 * What must come of a damaged log, told from the book of what was written: the rule of the
 * watermark in one place, without a line of the log's own code.
 *
 *   proven = the largest of: what the checkpoint knows, the base of the segment that follows, the
 *            beginning of the last group whose header is whole
 */
import { positionOf, SEGMENT_HEADER, usedOf, type BookSegment, type LogBook } from './log-book.ts'

export type Damage =
  | { readonly kind: 'cut'; readonly segment: number; readonly at: number }
  | { readonly kind: 'flip'; readonly segment: number; readonly at: number; readonly bit: number }

export type Expected =
  | { readonly kind: 'refused'; readonly file: string; readonly from: number; readonly to: number }
  | { readonly kind: 'opened'; readonly texts: readonly string[]; readonly torn: boolean }

export function expected(book: LogBook, damage: Damage): Expected {
  const segment = book.segments[damage.segment]
  if (segment === undefined) throw new RangeError('no such segment')
  const refused = (from: number): Expected => ({
    kind: 'refused',
    file: segment.file,
    from,
    to: damage.at,
  })
  if (damage.at < SEGMENT_HEADER) return refused(0)
  const used = usedOf(book, damage.segment)
  const whole: Expected = { kind: 'opened', texts: book.texts, torn: false }
  if (used !== undefined && damage.at >= used) return whole
  const bad = segment.items.find((item) => damage.at < item.to)
  if (bad === undefined) return { ...whole, torn: damage.kind === 'flip' }
  if (used !== undefined) return refused(bad.from)
  const later = damage.kind === 'flip' && bad !== segment.items.at(-1)
  if (later || positionOf(segment, bad.from) < book.proven) return refused(bad.from)
  const lost = segment.items.slice(segment.items.indexOf(bad)).flatMap(({ texts }) => texts)
  const texts = book.texts.slice(0, book.texts.length - lost.length)
  return { kind: 'opened', texts, torn: damage.kind === 'flip' || damage.at > bad.from }
}

/** The words of the table. */
export const OUTCOMES = {
  refused: 'below the watermark: refused, naming the place',
  cut: 'at or above it: cut and reported, nothing lost below',
  whole: 'unused space: everything is there',
} as const

export function outcomeOf(book: LogBook, wanted: Expected): string {
  if (wanted.kind === 'refused') return OUTCOMES.refused
  return wanted.texts.length === book.texts.length ? OUTCOMES.whole : OUTCOMES.cut
}

export type Found =
  | {
      readonly kind: 'refused'
      readonly code: string
      readonly file: string
      readonly offset: number
      readonly lost: string
    }
  | { readonly kind: 'opened'; readonly texts: readonly string[]; readonly tornBytes: number }

/** What is wrong with what was found, if anything is. */
export function fault(wanted: Expected, found: Found): string | undefined {
  if (wanted.kind === 'refused') {
    if (found.kind === 'opened') {
      return `opened with ${String(found.texts.length)} records instead of being refused`
    }
    return faultOfRefusal(wanted, found)
  }
  if (found.kind === 'refused') return `refused: ${found.code} ${found.file} ${found.lost}`
  if (found.texts.length !== wanted.texts.length) {
    const [has, wants] = [found.texts.length, wanted.texts.length]
    return `${String(has)} records instead of ${String(wants)}`
  }
  const wrong = wanted.texts.findIndex((text, i) => found.texts[i] !== text)
  if (wrong >= 0) return `record ${String(wrong)} is wrong: ${String(found.texts[wrong])}`
  if (wanted.torn && found.tornBytes === 0) return 'cut without a report'
  return undefined
}

function faultOfRefusal(
  wanted: Extract<Expected, { kind: 'refused' }>,
  found: Extract<Found, { kind: 'refused' }>,
): string | undefined {
  if (found.code !== 'MR_LOG_DAMAGED') return `refused with ${found.code}`
  if (!found.file.endsWith(wanted.file)) return `the place is ${found.file}, not ${wanted.file}`
  const { offset, lost } = found
  if (offset < wanted.from || offset > wanted.to) {
    const range = `${String(wanted.from)} to ${String(wanted.to)}`
    return `the place is byte ${String(offset)}, not ${range}`
  }
  return lost === '' ? 'it does not say what is lost' : undefined
}

export const describe = (segment: BookSegment | undefined, damage: Damage): string =>
  `${segment?.file ?? 'no file'} ${damage.kind} at byte ${String(damage.at)}` +
  (damage.kind === 'flip' ? ` bit ${String(damage.bit)}` : '')
