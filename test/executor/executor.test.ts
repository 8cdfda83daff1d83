/**
 * The driver's end of an executor against a scripted process: what comes late, wrong or not at all.
 */
import { describe, expect, it } from 'vitest'
import { deferred } from '../../src/executor/deferred.ts'
import { Executor } from '../../src/executor/executor.ts'
import { executorTimes } from '../../src/executor/limits.ts'
import {
  decodeToExecutor,
  encodeFromExecutor,
  type FromExecutor,
  type ToExecutor,
} from '../../src/executor/protocol.ts'
import type { Clock, Exit } from '../../src/host/host.ts'
import { memoryChannels } from '../../src/host/memory-channel.ts'
import { nodeClock } from '../../src/host/node-clock.ts'

class Script {
  readonly got: ToExecutor[] = []
  readonly killed: string[] = []
  readonly executor: Executor
  readonly #send: (message: Uint8Array) => void
  readonly #exit = deferred<Exit>()
  #tick: (() => void) | undefined
  stderr: (line: string) => void = () => undefined

  constructor() {
    const [here, there] = memoryChannels()
    there.onMessage((message) => this.got.push(decodeToExecutor(message)))
    this.#send = (message) => {
      there.send(message)
    }
    const clock: Clock = {
      ...nodeClock,
      every: (_ms, f) => {
        this.#tick = f
        return () => {
          this.#tick = undefined
        }
      },
    }
    this.executor = new Executor({
      rank: 1,
      incarnation: 4,
      clock,
      times: executorTimes({ pingMs: 100, hangTimeoutMs: 300 }),
      spawn: (onStderr) => {
        this.stderr = onStderr
        const kill = (signal: string): void => {
          this.killed.push(signal)
        }
        return { pid: 99, channel: here, exited: this.#exit.promise, kill }
      },
    })
    this.executor.join([])
  }

  async say(message: FromExecutor): Promise<void> {
    await this.sayBytes(encodeFromExecutor(message))
  }

  async sayBytes(message: Uint8Array): Promise<void> {
    this.#send(message)
    await nodeClock.turn()
  }

  async exit(exit: Exit): Promise<void> {
    this.#exit.resolve(exit)
    await nodeClock.turn()
  }

  /** Lets the time of one ping pass. */
  async tick(): Promise<void> {
    this.#tick?.()
    await nodeClock.turn()
  }

  get isPinged(): boolean {
    return this.#tick !== undefined
  }
}

const request = (attempt: number) => ({ time: 1000, attempt, number: 1, inputs: [] }) as const
const done = (attempt: number, records = 0) =>
  ({ kind: 'done', attempt, states: [], outputs: [], records }) as const
const places = [{ operator: 'map', location: 'app.ts:2:2' }]
const failed = (attempt: number) =>
  ({
    kind: 'failed',
    attempt,
    error: { code: 'MR_USER_FUNCTION_FAILED', message: 'no', places, stack: undefined },
  }) as const

describe('an executor', () => {
  it('is not taken in by the late reply of an older attempt', async () => {
    const script = new Script()
    const first = script.executor.run(request(1))
    script.executor.abort(1)
    await script.say(failed(1))
    expect(await first).toMatchObject({ kind: 'failed' })
    const second = script.executor.run(request(2))
    await script.say(done(1, 111))
    await script.say(failed(1))
    await script.say({ kind: 'progress', attempt: 1, places })
    expect(script.executor.state).toBe('running')
    expect(script.executor.places).toEqual([])
    await script.say(done(2, 222))
    expect(await second).toMatchObject({ kind: 'done', records: 222 })
    await script.say(done(2, 333))
    expect(script.executor.state).toBe('unsettled')
  })

  it('is told of a commit once, and only of the attempt that is done', async () => {
    const script = new Script()
    const reply = script.executor.run(request(3))
    script.executor.committed(3)
    await script.say(done(3))
    await reply
    script.executor.committed(2)
    expect(script.executor.state).toBe('unsettled')
    script.executor.committed(3)
    script.executor.committed(3)
    script.executor.abort(3)
    await nodeClock.turn()
    expect(script.got.map((message) => message.kind)).toEqual(['members', 'run', 'committed'])
    expect(script.executor.state).toBe('ready')
  })

  it('that answers pings is left alone, one that does not is killed and blamed', async () => {
    const script = new Script()
    const reply = script.executor.run(request(1))
    await script.say({ kind: 'progress', attempt: 1, places })
    for (let n = 1; n <= 10; n++) {
      await script.tick()
      await script.say({ kind: 'pong', n })
    }
    expect(script.killed).toEqual([])
    for (let n = 0; n < 4; n++) await script.tick()
    expect(script.killed).toEqual(['SIGKILL'])
    const outcome = await reply
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'MR_EXECUTOR_HUNG', places } })
    expect(script.executor.state).toBe('dead')
    expect(script.isPinged).toBe(false)
  })

  it('is pinged while an attempt runs only', async () => {
    const script = new Script()
    expect(script.isPinged).toBe(false)
    const reply = script.executor.run(request(1))
    expect(script.isPinged).toBe(true)
    await script.say(done(1))
    await reply
    expect(script.isPinged).toBe(false)
  })

  it('that talks nonsense is killed', async () => {
    const script = new Script()
    const reply = script.executor.run(request(1))
    await script.sayBytes(new Uint8Array([1, 2, 3]))
    expect(script.killed).toEqual(['SIGKILL'])
    expect(await reply).toMatchObject({ kind: 'failed', error: { code: 'MR_PROTOCOL' } })
  })

  it('answers everyone who waits when it dies, and says why', async () => {
    const script = new Script()
    const reply = script.executor.run(request(1))
    const query = script.executor.query('total', 0, new Uint8Array(1))
    const refused = expect(query).rejects.toMatchObject({ code: 'MR_EXECUTOR_DIED' })
    await script.say({ kind: 'progress', attempt: 1, places })
    script.stderr('FATAL ERROR: JavaScript heap out of memory')
    await script.exit({ code: null, signal: 'SIGABRT' })
    expect(await reply).toMatchObject({ error: { code: 'MR_EXECUTOR_OUT_OF_MEMORY', places } })
    await refused
    expect(await script.executor.ended).toMatchObject({ code: 'MR_EXECUTOR_OUT_OF_MEMORY' })
    script.executor.abort(1)
    script.executor.kill({
      code: 'MR_EXECUTOR_HUNG',
      message: 'again',
      places: [],
      stack: undefined,
    })
    await script.executor.stop()
    expect(script.killed).toEqual([])
  })

  it('that died unnoticed fails the next attempt instead of the driver', async () => {
    const script = new Script()
    await script.exit({ code: null, signal: 'SIGKILL' })
    const reply = await script.executor.run({ time: 60, attempt: 2, number: 3, inputs: [] })
    expect(reply).toMatchObject({ kind: 'failed', error: { code: 'MR_EXECUTOR_DIED' } })
    expect(script.got.filter(({ kind }) => kind === 'run')).toEqual([])
  })

  it('refuses to run two attempts at once', () => {
    const script = new Script()
    void script.executor.run(request(1))
    expect(() => script.executor.run(request(2))).toThrow('running → running')
  })
})
