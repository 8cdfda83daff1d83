/** Bundles that ran from a directory are kept as a record of what ran there; the oldest go. */
import { join } from 'node:path'
import type { FileSystem } from '../host/host.ts'
import type { Bundle } from './bundle.ts'

const BUNDLES_MAX = 16

/** Call as the owner of the directory. */
export async function pruneBundles(
  fs: Pick<FileSystem, 'list' | 'stat' | 'unlink'>,
  directory: string,
  current: Pick<Bundle, 'digest'>,
): Promise<void> {
  const names = ((await fs.list(directory)) ?? []).filter((name) =>
    /^[0-9a-f]{16}\.mjs$/.test(name),
  )
  const others: { path: string; modifiedMs: number }[] = []
  for (const name of names) {
    const path = join(directory, name)
    const stat = await fs.stat(path)
    if (stat !== undefined && name !== `${current.digest}.mjs`) {
      others.push({ path, modifiedMs: stat.modifiedMs })
    }
  }
  const newestFirst = others.toSorted((a, b) => b.modifiedMs - a.modifiedMs)
  for (const { path } of newestFirst.slice(BUNDLES_MAX - 1)) await fs.unlink(path)
}
