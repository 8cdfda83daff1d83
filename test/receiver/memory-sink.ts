/**
 * A way into a log that is only memory: it can be paused, held back, made to fail, and shows what
 * it was given.
 */
import type { Block, BlockSink } from '../../src/receiver/receiver.ts'

interface KeptBlock extends Block {
  /** Its parts as they were when it was stored. */
  readonly bytes: Buffer
}

export class MemorySink implements BlockSink {
  readonly blocks: KeptBlock[] = []
  /** While set, `add` waits for it before it stores. */
  gate: Promise<void> | undefined
  /** While set, `add` rejects with it. */
  failure: Error | undefined
  paused = false
  blockBytesMax = 16 * 1024 * 1024
  /** Adds under way, now and at most. */
  adding = 0
  addingMost = 0
  /** Adds that were begun. */
  adds = 0
  readonly #marks = new Map<string, number>()

  async add(block: Block): Promise<'stored' | 'duplicate'> {
    this.adds++
    this.adding++
    this.addingMost = Math.max(this.addingMost, this.adding)
    try {
      await (this.gate ?? Promise.resolve())
      if (this.failure !== undefined) throw this.failure
      return this.#store(block)
    } finally {
      this.adding--
    }
  }

  #store(block: Block): 'stored' | 'duplicate' {
    const { producer } = block
    if (producer !== undefined) {
      if (producer.sequence <= this.highWater(producer.id)) return 'duplicate'
      this.#marks.set(producer.id, producer.sequence)
    }
    this.blocks.push({ ...block, bytes: Buffer.concat(block.parts) })
    return 'stored'
  }

  highWater(producerId: string): number {
    return this.#marks.get(producerId) ?? -1
  }

  /** Holds `add` back until the returned function is called. */
  hold(): () => void {
    let open = (): void => undefined
    this.gate = new Promise<void>((resolve) => {
      open = resolve
    })
    return () => {
      this.gate = undefined
      open()
    }
  }

  get text(): string {
    return Buffer.concat(this.blocks.map((block) => block.bytes)).toString()
  }

  get records(): number {
    return this.blocks.reduce((sum, block) => sum + block.records, 0)
  }
}
