/**
 * Vectors that are translated: scenarios describe steps in words, and some functions a design that
 * is ours no longer, so each becomes a test of its own on our parts; or something else stands in
 * its place here, and this table says what. A test holds the table against the data and the tests
 * it names.
 */

export type Translation =
  | { readonly kind: 'test'; readonly file: string; readonly name: string }
  | { readonly kind: 'replaced'; readonly by: string }

const test = (file: string, name: string): Translation => ({ kind: 'test', file, name })

const TRACKER = 'test/blocks/tracker-scenarios.test.ts'
const SCHEDULING = 'test/vectors/scheduling.test.ts'
const CONTEXT = 'test/vectors/context.test.ts'

export const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  'received-block-tracker#001': test(
    TRACKER,
    'gives all waiting blocks to a batch, and none to the next or again',
  ),
  'received-block-tracker#003': test(TRACKER, 'takes only the allocated blocks out of the queue'),
  'received-block-tracker#004': test(TRACKER, 'loses no block: they go to a later batch'),
  'received-block-tracker#005': test(
    TRACKER,
    'and cleanup over four lives keep what is needed and drop what is not',
  ),
  'received-block-tracker#006': { kind: 'replaced', by: 'one log of our own, always on' },
  'scheduling#003': test(
    SCHEDULING,
    'runs one more batch for what is stored, and then no further one',
  ),
  'scheduling#017': test(
    SCHEDULING,
    'committed batches are not run again and time that passed is moved over',
  ),
  'scheduling#018': test(
    SCHEDULING,
    'a batch that was begun and not committed is run first, with the same input',
  ),
  'scheduling#019': test(
    SCHEDULING,
    'every batch time that passed is run where a state is called in each',
  ),
  'scheduling#023': test(
    'test/blocks/tracker.test.ts',
    'gives a block to the first batch that names it, and to no other',
  ),
  'scheduling#024': test(CONTEXT, 'goes from INITIALIZED over ACTIVE to STOPPED'),
  'scheduling#026': test(
    SCHEDULING,
    'lets a failed start leave nothing behind that would hinder the next one',
  ),
  'scheduling#027': test(CONTEXT, 'takes a second start for none'),
  'scheduling#029': test(CONTEXT, 'stops before it was started without an error'),
  'scheduling#030': test(CONTEXT, 'does not start again after a stop'),
  'scheduling#036': test(SCHEDULING, 'tells those who wait for its end only when it ends'),
  'scheduling#045': test(SCHEDULING, 'does not mind an input that no output uses'),
  'scheduling#046': test(SCHEDULING, 'does not fail over a batch whose source has stopped already'),
  'scheduling#047': test(
    SCHEDULING,
    'tells of every batch when it is submitted, started and completed',
  ),
  'java-api#017': test(SCHEDULING, 'calls foreachRDD once a batch, beside other outputs'),
  'java-api#042': test(SCHEDULING, 'gives one queued dataset to each batch'),
}

/** Why a vector of the table is not run as data; undefined for one that is not in it. */
export function translationOf(id: string): string | undefined {
  const found = Object.hasOwn(TRANSLATIONS, id) ? TRANSLATIONS[id] : undefined
  if (found === undefined) return undefined
  return found.kind === 'test' ? `translated: ${found.file}` : `replaced by ${found.by}`
}
