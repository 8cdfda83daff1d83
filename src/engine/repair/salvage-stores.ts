/**
 * When neither store verifies: what the two hold together, before and after LevelDB's own repair,
 * is searched for a commit that its root's digest proves. Only copies are opened.
 *
 * Values are held in memory, so a state has to fit there.
 */
import { readRoot, ROOT_PREFIX, type Root } from '../../../checkpoint/root.ts'
import { added, contributionOf, EMPTY_SET, sameSet } from '../../../checkpoint/set-digest.ts'
import type { Put } from '../../../checkpoint/snapshot.ts'
import { unwrapValue } from '../../../checkpoint/wrapped-value.ts'
import { ByteReader, equalBytes } from '../../base/bytes.ts'
import { isMillraceError } from '../../base/errors.ts'
import type { Host } from '../../host/host.ts'
import { copyFile } from '../backup/copy-file.ts'

export interface ProvenCommit {
  readonly root: Root
  /** Of a fresh store: entries, then the two roots. */
  readonly puts: readonly Put[]
  /** Where its entries came from. */
  readonly source: string
}

type Entries = ReadonlyMap<string, Uint8Array>

interface Source {
  readonly name: string
  readonly entries: Entries
  readonly roots: ReadonlyMap<string, Uint8Array>
}

/** `scratch` is made and filled; it is the caller's to remove. */
export async function searchStores(
  host: Pick<Host, 'fs' | 'stores'>,
  directory: string,
  scratch: string,
  identity: Uint8Array,
): Promise<ProvenCommit | undefined> {
  const sources: Source[] = []
  for (const name of ['checkpoint-a', 'checkpoint-b']) {
    sources.push(...(await sourcesOf(host, `${directory}/${name}`, `${scratch}/${name}`, name)))
  }
  const roots = new Map<number, Root>()
  const encoded = new Map<number, Put>()
  for (const [key, value] of sources.flatMap((source) => [...source.roots])) {
    const read = readRoot(key, value)
    if (read.kind !== 'root' || !equalBytes(read.root.identity, identity)) continue
    roots.set(read.root.number, read.root)
    encoded.set(read.root.number, { kind: 'put', key, value })
  }
  for (const root of [...roots.values()].sort((a, b) => b.number - a.number)) {
    const older = roots.get(root.number - 1)
    const follows = older !== undefined && equalBytes(root.previous, older.digest)
    if (root.number > 0 && !follows) continue
    const proven = candidates(sources, root.number).find(({ entries }) => isAllOf(root, entries))
    if (proven === undefined) continue
    const puts = [...proven.entries].map(([key, value]) => ({ kind: 'put', key, value }) as const)
    const two = [root.number - 1, root.number].flatMap((n) => encoded.get(n) ?? [])
    return { root, puts: [...puts, ...two], source: proven.name }
  }
  return undefined
}

async function sourcesOf(
  host: Pick<Host, 'fs' | 'stores'>,
  from: string,
  to: string,
  name: string,
): Promise<Source[]> {
  const { fs, stores } = host
  const sources: Source[] = []
  for (const how of ['as it is', 'after LevelDB’s repair']) {
    const copy = `${to}${how === 'as it is' ? '' : '-repaired'}`
    await fs.remove(copy)
    await fs.makeDirectory(copy)
    for (const file of (await fs.list(from)) ?? []) {
      if (file !== 'LOCK') await copyFile(fs, `${from}/${file}`, `${copy}/${file}`)
    }
    try {
      if (how !== 'as it is') await stores.repair(copy)
      sources.push(await readAll(host, copy, `${name} ${how}`))
    } catch (error) {
      if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
    }
  }
  return sources
}

async function readAll(host: Pick<Host, 'stores'>, path: string, name: string): Promise<Source> {
  const entries = new Map<string, Uint8Array>()
  const roots = new Map<string, Uint8Array>()
  const store = await host.stores.open(path, { create: false })
  try {
    for await (const [key, value] of store.entries()) {
      if (key.startsWith(ROOT_PREFIX)) roots.set(key, value.slice())
      else if (unwrapValue(key, value) !== undefined) entries.set(key, value.slice())
    }
  } catch (error) {
    // What was read before stays good: each value carries its own checksum.
    if (!isMillraceError(error, 'MR_CHECKPOINT_DAMAGED')) throw error
  } finally {
    await store.close()
  }
  return { name, entries, roots }
}

/** Each source alone, then all together with the newest value of each key. */
function candidates(
  sources: readonly Source[],
  number: number,
): readonly Pick<Source, 'name' | 'entries'>[] {
  const together = new Map<string, Uint8Array>()
  for (const [key, value] of sources.flatMap(({ entries }) => [...entries])) {
    const best = together.get(key)
    const fits = commitOf(value) <= number
    if (fits && (best === undefined || commitOf(value) > commitOf(best))) together.set(key, value)
  }
  return [...sources, { name: 'both stores together', entries: together }]
}

/** The number of the commit that wrote a wrapped value. */
const commitOf = (wrapped: Uint8Array): number => new ByteReader(wrapped, 4).u64()

function isAllOf(root: Root, entries: Entries): boolean {
  if (entries.size !== root.set.entries) return false
  let set = EMPTY_SET
  for (const [key, value] of entries) set = added(set, contributionOf(key, value))
  return sameSet(set, root.set)
}
