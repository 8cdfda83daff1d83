/**
 * Collects lines and hands them to the log as blocks, without a timer: while one block is being
 * made durable the next one collects, so a quiet source waits for nobody and a busy one makes large
 * blocks by itself.
 *
 * Invariants: blocks are handed over in the order of `push`, at most `ADDS_MAX` at a time; beyond
 * the first only full ones. What waits is bounded by `waitingBytesMax` (and one push): beyond it
 * `push` waits, and so does the source. Once an `add` has failed nothing more is handed over, and
 * every wait rejects with that failure.
 *
 * A crash loses what waits and what is in flight: no source was told that either is safe.
 */
import type { Block, BlockSink } from './receiver.ts'
import { cutLines, type Lines } from './text-lines.ts'

/** A block is full from here on, in bytes. */
const BLOCK_BYTES = 1024 * 1024
const WAITING_BYTES_MAX = 2 * BLOCK_BYTES
const ADDS_MAX = 3

export interface BlockGeneratorOptions {
  /** A block is full from here on; 1 MiB by default. No block is larger than the log allows. */
  readonly blockBytes?: number
  /** From here on `push` waits; 2 MiB by default. */
  readonly waitingBytesMax?: number
  /** An `add` has failed: for a source that may be waiting for input and would not hear of it. */
  readonly onFailure?: () => void
}

export class BlockGenerator {
  readonly #sink: BlockSink
  readonly #blockBytes: number
  readonly #waitingBytesMax: number
  readonly #onFailure: (() => void) | undefined
  #waiting: Lines[] = []
  #waitingBytes = 0
  #adds = 0
  #failure: { readonly error: unknown } | undefined
  /** Woken whenever an `add` has ended. */
  #sleepers: (() => void)[] = []

  constructor(sink: BlockSink, options: BlockGeneratorOptions = {}) {
    this.#sink = sink
    this.#blockBytes = options.blockBytes ?? BLOCK_BYTES
    this.#waitingBytesMax = options.waitingBytesMax ?? WAITING_BYTES_MAX
    this.#onFailure = options.onFailure
  }

  /** Resolves when there is room for more. Rejects with the failure of an `add`. */
  async push(lines: Lines): Promise<void> {
    this.#check()
    this.#waiting.push(...cutLines(lines, this.#sink.blockBytesMax))
    this.#waitingBytes += lines.bytes.length
    this.#pump()
    while (this.#waitingBytes >= this.#waitingBytesMax) await this.#change()
  }

  /** Resolves when all that was pushed is durable. */
  async drain(): Promise<void> {
    this.#check()
    while (this.#adds > 0 || this.#waiting.length > 0) await this.#change()
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#sleepers.push(resolve)
    })
    this.#check()
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#failure === undefined && this.#mayAdd()) {
      this.#adds++
      this.#sink.add(this.#takeBlock()).then(
        () => {
          this.#ended()
        },
        (error: unknown) => {
          this.#failure ??= { error }
          this.#ended()
          this.#onFailure?.()
        },
      )
    }
  }

  #mayAdd(): boolean {
    return this.#adds === 0 || (this.#adds < ADDS_MAX && this.#waitingBytes >= this.#blockBytes)
  }

  /** Of the pieces as they are: the log copies them into one. */
  #takeBlock(): Block {
    let bytes = 0
    let records = 0
    let pieces = 0
    for (const lines of this.#waiting) {
      if (pieces > 0 && bytes + lines.bytes.length > this.#sink.blockBytesMax) break
      bytes += lines.bytes.length
      records += lines.count
      pieces++
      if (bytes >= this.#blockBytes) break
    }
    const parts = this.#waiting.splice(0, pieces).map((lines) => lines.bytes)
    this.#waitingBytes -= bytes
    return { format: 'text', records, parts }
  }

  #ended(): void {
    this.#adds--
    this.#pump()
    const sleepers = this.#sleepers
    this.#sleepers = []
    for (const wake of sleepers) wake()
  }
}
