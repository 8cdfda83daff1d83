/**
 * Names of effects: what lies where, and what a group of the log holds. Own code: it shares none
 * with what it judges.
 */

export interface Places {
  readonly dataDir: string
  readonly outDir: string
}

/** What a path belongs to. */
export function ownerOf(path: string, { dataDir, outDir }: Places): string {
  if (path === outDir || path.startsWith(`${outDir}/`)) return 'output'
  if (path === dataDir) return 'directory'
  if (!path.startsWith(`${dataDir}/`)) return 'scratch'
  const [first = ''] = path.slice(dataDir.length + 1).split('/')
  if (first.startsWith('checkpoint-')) return 'checkpoint'
  if (first.startsWith('owner')) return 'owner'
  if (first.startsWith('millrace.json') || first.startsWith('first-start')) return 'identity'
  if (first.startsWith('programs')) return 'program'
  return first === 'log' ? 'log' : 'directory'
}

const GROUP_MAGIC = 'MRG1'
const GROUP_HEADER_BYTES = 44
const RECORD_HEADER_BYTES = 9
const KIND_AT = 8
const RECORD_NAMES: Readonly<Record<number, string>> = {
  1: 'log.addition',
  2: 'log.allocation',
  3: 'log.cleanup',
  4: 'log.snapshot',
}

/**
 * What is in a write to the log: its kinds of record, or `log.header` and `log.mark` for what
 * holds none.
 */
export function labelsOfGroup(bytes: Uint8Array): readonly string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = Buffer.from(bytes.subarray(0, 4)).toString('latin1')
  if (magic !== GROUP_MAGIC) return ['log.header']
  const names = new Set<string>()
  for (let at = GROUP_HEADER_BYTES; at + RECORD_HEADER_BYTES <= bytes.length;) {
    const name = RECORD_NAMES[view.getUint8(at + KIND_AT)]
    if (name !== undefined) names.add(name)
    at += RECORD_HEADER_BYTES + view.getUint32(at, true)
  }
  return names.size === 0 ? ['log.mark'] : [...names]
}
