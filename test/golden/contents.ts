/** What the golden directory of format version 1 holds: writer and test share this alone. */

export const IDENTITY = Uint8Array.from({ length: 16 }, (_, i) => i * 16 + i)
export const SEGMENT_BYTES = 16_384

/** Batch n: one block, one allocation, one commit, one receipt; then one block that waits. */
export const BATCHES = 6
export const blockText = (n: number): string => `block ${String(n)} ${'.'.repeat(n * 700)}`
export const entriesOf = (n: number): Readonly<Record<string, string>> => ({
  [`batch/${String(n)}`]: `committed ${String(n)}`,
  newest: String(n),
})
export const WAITING = 'waits for its batch'
/** The life in which it was written: two batches each. */
export const LIVES = 3
