/**
 * A built-in source of text that goes the whole way through the log, for trying things out. Line n
 * is a pure function of (seed, n); each block carries the producer `generator` and the number of
 * its last line, so that after a restart it goes on where the log ends: exactly once, whatever
 * happened to the last block.
 *
 * It is paced by the monotonic clock: what is due since the start of this life, less what was made.
 * Time that was spent waiting for the log is caught up for one second at most.
 */
import { ByteWriter } from '../base/bytes.ts'
import type { InputShape } from '../dstream/shape.ts'
import type { ReceiverHandle } from '../receiver/receiver.ts'
import { superviseReceiver } from '../receiver/supervisor.ts'
import { pause, untilAborted } from '../receiver/waiting.ts'
import { integerParameter, numberParameter, type SourceContext } from './context.ts'
import { writeGeneratedLines } from './generated-text.ts'

const PRODUCER = 'generator'
const LINES_PER_SECOND = 1000
const LINES_PER_SECOND_MAX = 10_000_000
/** Lines of one block at most: about half a mebibyte. */
const BLOCK_LINES_MAX = 16_384
/** No line is longer. */
const LINE_BYTES = 128
const TICK_MS = 50
const CATCH_UP_MS = 1000

interface Plan {
  readonly linesPerSecond: number
  readonly seed: number
  /** Number of the first line that is not made. */
  readonly until: number
}

/**
 * Parameters: `linesPerSecond` (1000), `seed` (1), `lines` (no limit): lines 0 … lines-1 are made.
 */
export function generatorReceiver(input: InputShape, context: SourceContext): ReceiverHandle {
  const plan: Plan = {
    linesPerSecond: numberParameter(
      input,
      'linesPerSecond',
      [0.001, LINES_PER_SECOND_MAX],
      LINES_PER_SECOND,
    ),
    seed: integerParameter(input, 'seed', [0, 0xffff_ffff], 1),
    until: integerParameter(input, 'lines', [0, Number.MAX_SAFE_INTEGER], Number.MAX_SAFE_INTEGER),
  }
  return superviseReceiver(context.host, {
    onEvent: context.onEvent,
    live: async (signal, started) => {
      started()
      await generate(plan, context, signal)
      return 'stopped'
    },
  })
}

async function generate(plan: Plan, context: SourceContext, signal: AbortSignal): Promise<void> {
  const { clock } = context.host
  const perMs = plan.linesPerSecond / 1000
  const linesMax = Math.min(BLOCK_LINES_MAX, Math.floor(context.sink.blockBytesMax / LINE_BYTES))
  let next = context.sink.highWater(PRODUCER) + 1
  /** Line `next` would have been due at this time at the latest. */
  let paidUntil = clock.monotonic()
  while (!signal.aborted) {
    if (next >= plan.until) {
      await untilAborted(signal)
      return
    }
    const now = clock.monotonic()
    paidUntil = Math.max(paidUntil, now - CATCH_UP_MS - 1 / perMs)
    const due = Math.floor((now - paidUntil) * perMs)
    const lines = Math.min(due, linesMax, plan.until - next)
    if (lines > 0) {
      await add(plan.seed, next, lines, context)
      next += lines
      paidUntil += lines / perMs
    }
    if (lines < due) continue
    await pause(clock, Math.max(TICK_MS, paidUntil + 1 / perMs - clock.monotonic()), signal)
  }
}

async function add(
  seed: number,
  from: number,
  lines: number,
  { sink }: SourceContext,
): Promise<void> {
  const out = new ByteWriter(lines * 64)
  const last = from + lines - 1
  writeGeneratedLines(out, seed, from, last)
  await sink.add({
    format: 'text',
    records: lines,
    parts: [out.view()],
    producer: { id: PRODUCER, sequence: last },
  })
}
