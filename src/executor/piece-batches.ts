/**
 * Cuts the pieces of a state partition into messages of bounded size; the last one says that it is.
 * Pure.
 */
export type Piece = readonly [name: string, value: Uint8Array]

export interface PieceBatch {
  readonly pieces: readonly { readonly name: string; readonly value: Uint8Array }[]
  readonly last: boolean
}

/**
 * No batch but one with a single piece is over `bytesMax`. There is always a last batch, be it
 * empty.
 */
export async function* pieceBatches(
  pieces: AsyncIterable<Piece>,
  bytesMax: number,
): AsyncIterable<PieceBatch> {
  let batch: { name: string; value: Uint8Array }[] = []
  let bytes = 0
  for await (const [name, value] of pieces) {
    if (batch.length > 0 && bytes + value.length > bytesMax) {
      yield { pieces: batch, last: false }
      batch = []
      bytes = 0
    }
    batch.push({ name, value })
    bytes += value.length
  }
  yield { pieces: batch, last: true }
}
