/** Lives of a receiver, on a clock that the test moves. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { ReceiverEvent, ReceiverHandle } from '../../src/receiver/receiver.ts'
import { superviseReceiver, type SupervisorOptions } from '../../src/receiver/supervisor.ts'
import { untilAborted } from '../../src/receiver/waiting.ts'

interface World {
  readonly clock: ManualClock
  readonly events: ReceiverEvent[]
  readonly handle: ReceiverHandle
  /** Times at which a life began, in ms. */
  readonly births: number[]
}

/** `chance` 1 (nearly) gives whole pauses. */
function world(live: SupervisorOptions['live'], chance = 1 - 2 ** -40, waits = false): World {
  const clock = new ManualClock()
  const events: ReceiverEvent[] = []
  const births: number[] = []
  const random = { next: () => chance, bytes: (n: number) => new Uint8Array(n) }
  const handle = superviseReceiver(
    { clock, random },
    {
      startWaits: waits,
      onEvent: (event) => events.push(event),
      live: async (signal, started) => {
        births.push(Math.round(clock.monotonic()))
        return await live(signal, started)
      },
    },
  )
  return { clock, events, handle, births }
}

const pausesOf = (births: readonly number[]): number[] =>
  births.slice(1).map((birth, i) => birth - (births[i] ?? 0))

const refused = (): Promise<string> => Promise.reject(new Error('ECONNREFUSED'))

describe('the supervisor', () => {
  it('doubles the pauses from 0.1 s to 10 s while lives fail', async () => {
    const { clock, handle, births } = world(refused)
    await handle.start()
    await clock.advance(45_000)
    expect(pausesOf(births).slice(0, 10)).toEqual([
      100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000,
    ])
    await handle.stop()
  })

  it('shortens a pause by chance to its half at most', async () => {
    const { clock, handle, births } = world(refused, 0)
    await handle.start()
    await clock.advance(3000)
    expect(pausesOf(births).slice(0, 5)).toEqual([50, 100, 200, 400, 800])
    await handle.stop()
  })

  it('starts the pauses anew after a healthy minute', async () => {
    let lives = 0
    const { clock, handle, births } = world(async (signal, started) => {
      lives++
      if (lives !== 6) return await refused()
      started()
      await clock.sleep(60_000, signal)
      return 'the end of the input'
    })
    await handle.start()
    await clock.advance(3100 + 60_000 + 250)
    const sixth = births[5] ?? NaN
    expect(pausesOf(births)[4]).toBe(1600)
    expect(births[6]).toBe(sixth + 60_000 + 100)
    expect(pausesOf(births)[6]).toBe(100)
    await handle.stop()
  })

  it('tells of an error once a burst and of each life that started', async () => {
    let lives = 0
    const { clock, handle, events } = world((_signal, started) => {
      lives++
      if (lives <= 4) return refused()
      started()
      return Promise.resolve('the end of the input')
    })
    await handle.start()
    await clock.advance(4000)
    await handle.stop()
    const errors = events.filter((event) => event.kind === 'error')
    expect(errors.map((event) => event.repeated)).toEqual([undefined, true, true, true])
    expect(events[0]).toMatchObject({ code: 'MR_RECEIVER_FAILED' })
    const told = events.filter((event) => !('repeated' in event))
    expect(told.map((event) => event.kind).slice(0, 4)).toEqual([
      'error',
      'started',
      'stopped',
      'stopped',
    ])
    const kinds = events.filter((event, i) => i === 0 || event.kind !== 'error').map((e) => e.kind)
    expect(kinds.slice(0, 5)).toEqual(['error', 'started', 'stopped', 'started', 'stopped'])
    expect(events[0]).toMatchObject({ kind: 'error', message: 'ECONNREFUSED' })
    expect(events[5]).toEqual({ kind: 'stopped', message: 'the end of the input' })
  })

  it('tells of an error again when it is another one', async () => {
    let lives = 0
    const { clock, handle, events } = world(() =>
      Promise.reject(new Error(`error ${String(++lives)}`)),
    )
    await handle.start()
    await clock.advance(150)
    await handle.stop()
    expect(events).toMatchObject([{ message: 'error 1' }, { message: 'error 2' }])
  })

  it('stops a life and waits until it has handed over what it held', async () => {
    let held = true
    const { clock, handle, events } = world(async (signal, started) => {
      started()
      await untilAborted(signal)
      await clock.sleep(500)
      held = false
      return 'stopped'
    })
    await handle.start()
    const stopping = handle.stop()
    await clock.advance(499)
    expect(held).toBe(true)
    await clock.advance(1)
    await stopping
    expect(held).toBe(false)
    expect(events).toEqual([{ kind: 'started' }, { kind: 'stopped', message: 'stopped' }])
    expect(clock.waiting).toBe(0)
  })

  it('ends a stop after ten seconds, and says so', async () => {
    const { clock, handle } = world((_signal, started) => {
      started()
      return new Promise(() => undefined)
    })
    await handle.start()
    const stopping = expect(handle.stop()).rejects.toMatchObject({ code: 'MR_RECEIVER_FAILED' })
    await clock.advance(10_000)
    await stopping
  })

  it('begins no life after a stop in a pause', async () => {
    const { clock, handle, births } = world(refused)
    await handle.start()
    await clock.advance(50)
    await handle.stop()
    await handle.stop()
    await clock.advance(60_000)
    expect(births).toHaveLength(1)
  })

  it('does not call it an error when a life breaks off because it was stopped', async () => {
    const { handle, events } = world(async (signal) => {
      await untilAborted(signal)
      signal.throwIfAborted()
      return 'never'
    })
    await handle.start()
    await handle.stop()
    expect(events).toEqual([])
  })

  it('waits with `start` for the first life to start or to fail, when asked', async () => {
    const started = world(
      async (signal, say) => {
        say('http://127.0.0.1:1/')
        await untilAborted(signal)
        return 'stopped'
      },
      0,
      true,
    )
    await started.handle.start()
    expect(started.events).toEqual([{ kind: 'started', address: 'http://127.0.0.1:1/' }])
    await started.handle.stop()
    const failed = world(refused, 0, true)
    await failed.handle.start()
    expect(failed.events).toHaveLength(1)
    await failed.handle.stop()
  })

  it('can be stopped before it was started', async () => {
    const { handle, births } = world(refused)
    await handle.stop()
    expect(births).toHaveLength(0)
  })
})
