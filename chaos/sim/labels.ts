/**
 * What lies where, in a word, and what a group of the log holds: half of an effect's label. Own
 * code: it shares none with what it labels.
 */
import { labelsOfGroup } from '../kill/labels.ts'

export const DATA = '/data'
export const OUT = '/out'

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^\/data\/log\/[^/]*\.wal/, 'log'],
  [/^\/data\/log\/./, 'log-spare'],
  [/^\/data\/log$/, 'log-directory'],
  [/^\/data\/checkpoint-([ab])\.opening/, 'store-$1-kept'],
  [/^\/data\/checkpoint-([ab])\.damaged/, 'store-$1-damaged'],
  [/^\/data\/checkpoint-([ab])/, 'store-$1'],
  [/^\/data\/owner\.announce/, 'announcement'],
  [/^\/data\/owner/, 'owner'],
  [/^\/data\/(millrace\.json|first-start)/, 'identity'],
  [/^\/data/, 'directory'],
  [/^\/out\/\.[^/]*\.staged/, 'stage'],
  [/^\/out\/[^/]+\/_SUCCESS/, 'success'],
  [/^\/out\/[^/]+/, 'output'],
  [/^\/out/, 'outputs'],
]

const known = new Map<string, string>()

/** The kind of file at a path. */
export function kindOf(path: string): string {
  const found = known.get(path)
  if (found !== undefined) return found
  const [pattern, name] = KINDS.find(([test]) => test.test(path)) ?? [/.*/, 'other']
  const kind = name.replace('$1', pattern.exec(path)?.[1] ?? '')
  if (known.size > 10_000) known.clear()
  known.set(path, kind)
  return kind
}

/** What is in a write to the log: `addition`, `allocation`, `cleanup`, `header`, `mark` … */
export const kindOfGroup = (bytes: Uint8Array): string =>
  labelsOfGroup(bytes)
    .map((label) => label.replace('log.', ''))
    .join('+')
