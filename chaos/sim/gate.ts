/**
 * What every effect of a simulated host passes: it decides when an effect happens, whether it
 * fails, and whether anyone hears of it.
 */
import type { Inode } from './inode.ts'

export interface Gate {
  /**
   * Does `perform` when its turn comes and resolves with what it returned. When this life ends
   * first, or with it, it never resolves.
   */
  effect<T>(label: string, perform: () => T): Promise<T>
  /** The same for what leaves no trace: reads. */
  look<T>(label: string, perform: () => T): Promise<T>
  /** Before a write of `length` bytes to `path`: how many of them are written. */
  fitting(path: string, file: Inode, position: number, length: number): number
  /** Before a sync: true when it fails, after the pages were lost. */
  syncFails(path: string, file: Inode): boolean
  /** After a write to the log: it may land in another place too. */
  wrote(path: string, file: Inode, position: number, bytes: Uint8Array): void
  /** Before a read: true when it fails. */
  readFails(path: string): boolean
  now(): number
}

/** Does everything at once and lets nothing fail. */
export const openGate: Gate = {
  effect: (_label, perform) =>
    new Promise((resolve) => {
      resolve(perform())
    }),
  look: (_label, perform) =>
    new Promise((resolve) => {
      resolve(perform())
    }),
  fitting: (_path, _file, _position, length) => length,
  syncFails: () => false,
  wrote: () => undefined,
  readFails: () => false,
  now: () => 0,
}
