/**
 * How a partition's data moves: in chunks, either as values or as text that is still bytes. Text
 * becomes strings only when an operator asks for them, so counting lines never decodes one.
 */

export type Chunk<T> = ValuesChunk<T> | TextChunk

export interface ValuesChunk<T> {
  readonly kind: 'values'
  readonly rows: readonly T[]
}

/** Whole lines, each ended by "\n" (an "\r" before it has been removed already), valid UTF-8. */
export interface TextChunk {
  readonly kind: 'text'
  readonly bytes: Uint8Array
  /** Number of lines. */
  readonly count: number
}
