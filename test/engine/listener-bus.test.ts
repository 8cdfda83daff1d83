/** Listeners hear events in order, late, and never disturb each other. */
import { describe, expect, it } from 'vitest'
import { ListenerBus } from '../../src/engine/listener-bus.ts'

describe('the listener bus', () => {
  it('delivers in order, and not before the caller has gone on', async () => {
    const bus = new ListenerBus(() => undefined)
    const heard: number[] = []
    bus.add({ onStreamingStarted: (time) => heard.push(time) })
    for (const time of [1, 2, 3]) bus.post((listener) => listener.onStreamingStarted?.(time))
    expect(heard).toEqual([])
    await bus.drained()
    expect(heard).toEqual([1, 2, 3])
  })

  it('reports a listener that throws and goes on with the others', async () => {
    const errors: string[] = []
    const bus = new ListenerBus((message) => errors.push(message))
    const heard: number[] = []
    bus.add({
      onStreamingStarted: () => {
        throw new Error('mine')
      },
    })
    bus.add({ onStreamingStarted: (time) => heard.push(time) })
    bus.post((listener) => listener.onStreamingStarted?.(7))
    await bus.drained()
    expect(heard).toEqual([7])
    expect(errors).toEqual(['a streaming listener failed: mine'])
  })

  it('drops and counts what a flood leaves no room for', async () => {
    const bus = new ListenerBus(() => undefined)
    let heard = 0
    bus.add({ onStreamingStarted: () => (heard += 1) })
    for (let i = 0; i < 10_005; i++) bus.post((listener) => listener.onStreamingStarted?.(i))
    await bus.drained()
    expect(heard).toBe(10_000)
    expect(bus.dropped).toBe(5)
  })

  it('forgets a removed listener', async () => {
    const bus = new ListenerBus(() => undefined)
    let heard = 0
    const listener = { onStreamingStarted: () => (heard += 1) }
    bus.add(listener)
    bus.remove(listener)
    bus.post((l) => l.onStreamingStarted?.(1))
    await bus.drained()
    expect(heard).toBe(0)
  })
})
