/** Generated text: the same lines whatever happened, at the pace asked for. */
import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from '../../src/base/bytes.ts'
import type { Json } from '../../src/dstream/shape.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { ReceiverHandle } from '../../src/receiver/receiver.ts'
import { createReceiver } from '../../src/sources/create-receiver.ts'
import { writeGeneratedLines } from '../../src/sources/generated-text.ts'
import { MemorySink } from '../receiver/memory-sink.ts'
import { inputOf, sourceWorld } from './source-test.ts'

function textOf(seed: number, from: number, to: number): string {
  const out = new ByteWriter()
  writeGeneratedLines(out, seed, from, to)
  return Buffer.from(out.view()).toString()
}

function generatorOn(
  sink: MemorySink,
  clock: ManualClock,
  parameters: Readonly<Record<string, Json>>,
): ReceiverHandle {
  const { context } = sourceWorld()
  return createReceiver(inputOf('generator', parameters), {
    ...context,
    sink,
    host: { ...context.host, clock },
  })
}

describe('generated text', () => {
  it('is what it always was', () => {
    expect(textOf(1, 0, 3)).toMatchInlineSnapshot(`
      "and with in the around of
      the of the was they had
      important of that are back
      near and below this
      "
    `)
    expect(textOf(2, 2 ** 40, 2 ** 40)).toMatchInlineSnapshot(`
      "people are soon me very of big my a the
      "
    `)
  })

  test.prop([fc.nat(), fc.nat({ max: 2 ** 50 }), fc.nat(20), fc.nat(20)])(
    'of a range is that of its parts',
    (seed, from, a, b) => {
      const whole = textOf(seed, from, from + a + b + 1)
      expect(textOf(seed, from, from + a) + textOf(seed, from + a + 1, from + a + b + 1)).toBe(
        whole,
      )
    },
  )

  it('has lines of four to twelve words, the first words of the list most often', () => {
    const lines = textOf(7, 0, 9999).trimEnd().split('\n')
    expect(lines).toHaveLength(10_000)
    const counts = new Map<string, number>()
    for (const line of lines) {
      const words = line.split(' ')
      expect(words.length).toBeGreaterThanOrEqual(4)
      expect(words.length).toBeLessThanOrEqual(12)
      for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1)
    }
    const [first = 0, second = 0] = ['the', 'of'].map((word) => counts.get(word))
    expect(counts.size).toBeGreaterThan(250)
    expect(first / second).toBeGreaterThan(1.8)
    expect(first / second).toBeLessThan(2.2)
  })
})

describe('the generator', () => {
  it('makes as many lines a second as it is asked for, numbered from 0', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    const handle = generatorOn(sink, clock, { linesPerSecond: 200, seed: 3 })
    await handle.start()
    await clock.advance(2000)
    await handle.stop()
    expect(sink.records).toBe(400)
    expect(sink.text).toBe(textOf(3, 0, 399))
    expect(sink.highWater('generator')).toBe(399)
  })

  it('takes less than a line a second', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    const handle = generatorOn(sink, clock, { linesPerSecond: 0.25 })
    await handle.start()
    await clock.advance(12_100)
    await handle.stop()
    expect(sink.records).toBe(3)
  })

  it('goes on behind the last stored line after a restart', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    for (let life = 0; life < 3; life++) {
      const handle = generatorOn(sink, clock, { linesPerSecond: 100 })
      await handle.start()
      await clock.advance(1000)
      await handle.stop()
    }
    expect(sink.records).toBe(300)
    expect(sink.text).toBe(textOf(1, 0, 299))
  })

  it('goes on behind the last stored line after the log failed', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    const handle = generatorOn(sink, clock, { linesPerSecond: 100 })
    await handle.start()
    await clock.advance(1000)
    sink.failure = new Error('the log has failed')
    await clock.advance(500)
    sink.failure = undefined
    await clock.advance(1000)
    await handle.stop()
    expect(sink.records).toBeGreaterThan(150)
    expect(sink.text).toBe(textOf(1, 0, sink.records - 1))
  })

  it('ends with the last line it is to make', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    const handle = generatorOn(sink, clock, { linesPerSecond: 1000, lines: 150 })
    await handle.start()
    await clock.advance(5000)
    await handle.stop()
    const again = generatorOn(sink, clock, { linesPerSecond: 1000, lines: 150 })
    await again.start()
    await clock.advance(1000)
    await again.stop()
    expect(sink.text).toBe(textOf(1, 0, 149))
  })

  it('catches up for one second at most after it has waited for the log', async () => {
    const [sink, clock] = [new MemorySink(), new ManualClock()]
    const open = sink.hold()
    const handle = generatorOn(sink, clock, { linesPerSecond: 100 })
    await handle.start()
    await clock.advance(60_000)
    expect(sink.adding).toBe(1)
    open()
    await clock.advance(50)
    await handle.stop()
    expect(sink.records).toBeGreaterThan(50)
    expect(sink.records).toBeLessThan(120)
  })

  it('refuses parameters that make no sense', () => {
    const wrong = [{ linesPerSecond: 0 }, { linesPerSecond: '9' }, { lines: -1 }, { seed: 0.5 }]
    for (const parameters of wrong) {
      expect(() => generatorOn(new MemorySink(), new ManualClock(), parameters)).toThrow(
        expect.objectContaining({ code: 'MR_CONFIG_INVALID' }),
      )
    }
  })
})
