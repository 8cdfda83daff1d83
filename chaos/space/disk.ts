/** A small file system of its own, and a file that takes all of its room. */
import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const DISK_MIB = 128
const PIECES = [1024 * 1024, 4096, 1]

export type SmallDisk =
  | { readonly kind: 'disk'; readonly directory: string; release(): void }
  | { readonly kind: 'none'; readonly why: string }

/** The given directory, or a tmpfs mounted for this run. */
export function smallDisk(given: string | undefined): SmallDisk {
  if (given !== undefined) return { kind: 'disk', directory: given, release: () => undefined }
  const directory = mkdtempSync(join(tmpdir(), 'millrace-space-'))
  const options = ['-t', 'tmpfs', '-o', `size=${String(DISK_MIB)}m`, 'none', directory]
  const mounted = spawnSync('mount', options, { encoding: 'utf8' })
  if (mounted.status !== 0) {
    rmSync(directory, { recursive: true })
    return { kind: 'none', why: `mount: ${(mounted.stderr || String(mounted.error)).trim()}` }
  }
  const release = (): void => {
    spawnSync('umount', ['-l', directory])
    rmSync(directory, { recursive: true, force: true })
  }
  return { kind: 'disk', directory, release }
}

export const freeBytes = (directory: string): number => {
  const { bavail, bsize } = statfsSync(directory)
  return bavail * bsize
}

/** A file that grows until nothing else can. */
export class Ballast {
  readonly #path: string
  #file: number | undefined
  #bytes = 0

  constructor(directory: string) {
    this.#path = join(directory, 'ballast')
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Takes what is free now, to the last byte. */
  fill(): void {
    this.#file ??= openSync(this.#path, 'a')
    for (const size of PIECES) {
      const piece = new Uint8Array(size)
      for (;;) {
        try {
          this.#bytes += writeSync(this.#file, piece)
        } catch (error) {
          if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
          break
        }
      }
    }
  }

  release(): void {
    if (this.#file === undefined) return
    closeSync(this.#file)
    rmSync(this.#path)
    this.#file = undefined
    this.#bytes = 0
  }
}
