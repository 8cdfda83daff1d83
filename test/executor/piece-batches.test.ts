/** State pieces on their way to an executor: all of them, in order, in messages of bounded size. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Piece, pieceBatches } from '../../src/executor/piece-batches.ts'

async function* piecesOf(sizes: readonly number[]): AsyncIterable<Piece> {
  for (const [n, size] of sizes.entries()) {
    yield await Promise.resolve([`p${String(n)}`, new Uint8Array(size)] as const)
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('batches of pieces', () => {
  it('hold every piece once, in order, end with a last one, and are bounded', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 20 }),
        async (sizes) => {
          const batches = await collect(pieceBatches(piecesOf(sizes), 60))
          expect(batches.map((batch) => batch.last)).toEqual(
            batches.map((_, n) => n === batches.length - 1),
          )
          const all = batches.flatMap((batch) => batch.pieces)
          expect(all.map((piece) => piece.value.length)).toEqual(sizes)
          for (const { pieces } of batches) {
            expect(pieces.reduce((sum, piece) => sum + piece.value.length, 0)).toBeLessThanOrEqual(
              60,
            )
          }
        },
      ),
    )
  })

  it('let one large piece travel alone', async () => {
    const batches = await collect(pieceBatches(piecesOf([10, 100, 10]), 60))
    expect(batches.map((batch) => batch.pieces.length)).toEqual([1, 1, 1])
  })
})
