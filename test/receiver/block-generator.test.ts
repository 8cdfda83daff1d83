/** Blocks without a timer: one at once, the others when they are full, all in order. */
import { describe, expect, it } from 'vitest'
import { BlockGenerator } from '../../src/receiver/block-generator.ts'
import type { Lines } from '../../src/receiver/text-lines.ts'
import { MemorySink } from './memory-sink.ts'
import { until } from './until.ts'

const SMALL = { blockBytes: 16, waitingBytesMax: 64 }

const lines = (...texts: readonly string[]): Lines => ({
  bytes: Buffer.from(texts.map((text) => `${text}\n`).join('')),
  count: texts.length,
})

describe('the block generator', () => {
  it('hands the first lines over at once and collects while they are made durable', async () => {
    const sink = new MemorySink()
    const open = sink.hold()
    const generator = new BlockGenerator(sink, SMALL)
    await generator.push(lines('a'))
    await generator.push(lines('b'))
    await generator.push(lines('c', 'd'))
    expect(sink.adding).toBe(1)
    open()
    await generator.drain()
    expect(sink.blocks.map((b) => [Buffer.from(b.bytes).toString(), b.records])).toEqual([
      ['a\n', 1],
      ['b\nc\nd\n', 3],
    ])
  })

  it('hands over the pieces as they are, not copied', async () => {
    const sink = new MemorySink()
    const open = sink.hold()
    const generator = new BlockGenerator(sink, SMALL)
    const pieces = [lines('a'), lines('b'), lines('c')]
    for (const piece of pieces) await generator.push(piece)
    open()
    await generator.drain()
    const parts = sink.blocks.flatMap((block) => block.parts)
    expect(parts.map((part, i) => part === pieces[i]?.bytes)).toEqual([true, true, true])
  })

  it('has up to three blocks on their way when they are full, in order', async () => {
    const sink = new MemorySink()
    const open = sink.hold()
    const generator = new BlockGenerator(sink, SMALL)
    const texts = Array.from({ length: 12 }, (_, i) => `line ${String(100 + i)}`)
    for (const text of texts.slice(0, 11)) await generator.push(lines(text))
    expect(sink.addingMost).toBe(3)
    open()
    await generator.push(lines(...texts.slice(11)))
    await generator.drain()
    expect(sink.text).toBe(texts.map((text) => `${text}\n`).join(''))
    expect(sink.records).toBe(12)
  })

  it('makes the source wait when too much waits', async () => {
    const sink = new MemorySink()
    const open = sink.hold()
    const generator = new BlockGenerator(sink, SMALL)
    let pushed = 0
    const source = (async () => {
      for (let i = 0; i < 40; i++) {
        await generator.push(lines('12345678'))
        pushed++
      }
    })()
    await until('the source waits', () => sink.adding === 3)
    await new Promise((resolve) => setImmediate(resolve))
    // 3 blocks in flight (1 + 2 + 2 pieces) and 64 bytes (8 pieces, the last of which waits).
    expect(pushed).toBe(12)
    open()
    await source
    await generator.drain()
    expect(sink.records).toBe(40)
  })

  it('hands nothing more over after a failure, and every wait rejects with it', async () => {
    const sink = new MemorySink()
    const open = sink.hold()
    const generator = new BlockGenerator(sink, SMALL)
    await generator.push(lines('a'))
    await generator.push(lines('b'))
    const draining = generator.drain()
    sink.failure = new Error('the disk is gone')
    open()
    await expect(draining).rejects.toThrow('the disk is gone')
    await expect(generator.push(lines('c'))).rejects.toThrow('the disk is gone')
    await expect(generator.drain()).rejects.toThrow('the disk is gone')
    expect(sink.blocks).toHaveLength(0)
    expect(sink.adds).toBe(1)
  })

  it('drains at once when nothing was pushed', async () => {
    await expect(new BlockGenerator(new MemorySink()).drain()).resolves.toBeUndefined()
  })
})

describe('blocks for a log of small records', () => {
  it('are never larger than the log allows, whatever was pushed', async () => {
    const sink = new MemorySink()
    sink.blockBytesMax = 100
    const generator = new BlockGenerator(sink)
    const texts = Array.from({ length: 200 }, (_, n) => String(n).padStart(9, '0'))
    for (const [from, to] of [
      [0, 3],
      [3, 60],
      [60, 61],
      [61, 200],
    ] as const) {
      await generator.push(lines(...texts.slice(from, to)))
    }
    await generator.drain()
    expect(sink.text).toBe(texts.map((text) => `${text}\n`).join(''))
    for (const { bytes, records } of sink.blocks) {
      expect(bytes.length).toBeLessThanOrEqual(100)
      expect(records * 10).toBe(bytes.length)
    }
  })
})
