/** Reads, writes and syncs of the simulated disk, with the faults that a gate wants of them. */
import { MillraceError } from '../../src/base/errors.ts'
import { failure, type SimDisk } from './disk.ts'
import type { Gate } from './gate.ts'
import type { Inode } from './inode.ts'

const EIO = 'Input/output error'

/** Writes, or fails as a real write does: short, or with ENOSPC where nothing fits. */
export function writeAll(
  gate: Gate,
  disk: SimDisk,
  {
    path,
    file,
    position,
    bytes,
  }: { path: string; file: Inode; position: number; bytes: Uint8Array },
): void {
  const room =
    disk.capacity === undefined
      ? bytes.length
      : file.fitting(position, bytes.length, disk.freePages)
  const fits = Math.min(room, gate.fitting(path, file, position, bytes.length))
  if (fits === 0 && bytes.length > 0) throw failure('ENOSPC', `no space left on device: ${path}`)
  file.write(position, bytes.subarray(0, fits))
  file.modifiedMs = gate.now()
  if (fits === bytes.length) return
  const counts = `${String(fits)} of ${String(bytes.length)} bytes`
  throw new MillraceError('MR_SHORT_WRITE', `${path}: ${counts} at ${String(position)}`)
}

export function syncFile(gate: Gate, path: string, file: Inode): void {
  if (gate.syncFails(path, file)) throw failure('EIO', `${EIO}: sync ${path}`)
  file.sync()
}

export function readFile(
  gate: Gate,
  path: string,
  file: Inode,
  [position, length]: readonly [number, number],
): Uint8Array {
  if (gate.readFails(path)) throw failure('EIO', `${EIO}: read ${path}`)
  return file.read(position, length)
}
