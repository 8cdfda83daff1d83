/** Custom receivers, both sides, over a channel in memory. */
import { deserialize } from 'node:v8'
import { afterEach, describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import type { Receiver, ReceiverContext } from '../../src/dstream/custom-receiver.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { encodeUp, STORES_MAX } from '../../src/receiver/custom-protocol.ts'
import type { ReceiverHandle } from '../../src/receiver/receiver.ts'
import { createReceiver } from '../../src/sources/create-receiver.ts'
import { until } from '../receiver/until.ts'
import { childDouble, type ChildDouble } from './child-double.ts'
import { inputOf, sourceWorld, type SourceWorld } from './source-test.ts'

interface Running extends SourceWorld {
  readonly handle: ReceiverHandle
  readonly children: readonly ChildDouble[]
}

const cleanup: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanup.splice(0).reverse()) await clean()
})

async function run(spawn: (n: number) => ChildDouble): Promise<Running> {
  const children: ChildDouble[] = []
  const world = sourceWorld(() => {
    const child = spawn(children.length)
    children.push(child)
    return child
  })
  const handle = createReceiver(inputOf('receiver'), world.context)
  await handle.start()
  cleanup.push(async () => {
    await handle.stop()
  })
  return { ...world, handle, children }
}

/** A receiver that runs `work` once it has started. */
const doing = (
  work: (context: ReceiverContext<unknown>) => void | Promise<void>,
  onStop?: () => void | Promise<void>,
): Receiver<unknown> => ({ onStart: work, ...(onStop === undefined ? {} : { onStop }) })

const recordsOf = ({ sink }: SourceWorld): unknown[] =>
  sink.blocks.flatMap((block): unknown[] => {
    const rows: unknown = deserialize(block.bytes)
    return Array.isArray(rows) ? rows : []
  })

describe('a custom receiver', () => {
  it('stores values of any kind, one block a store, and hears that they are durable', async () => {
    const rows = [{ a: 1n }, new Map([['k', new Date(5)]]), 'text', null]
    let stored = false
    const world = await run(() =>
      childDouble(() =>
        doing(async ({ store }) => {
          await store(rows)
          await store(new Set([1, 2]))
          await store([])
          stored = true
        }),
      ),
    )
    await until('all is stored', () => stored)
    expect(recordsOf(world)).toEqual([...rows, 1, 2])
    expect(world.sink.blocks.map(({ format, records }) => [format, records])).toEqual([
      ['values', 4],
      ['values', 2],
    ])
    expect(world.events).toEqual([{ kind: 'started' }])
  })

  it('is not told that a store is durable before it is', async () => {
    let stored = false
    const world = await run(() =>
      childDouble(() =>
        doing(async ({ store }) => {
          await store(['late'])
          stored = true
        }),
      ),
    )
    const open = world.sink.hold()
    await until('the block is on its way', () => world.sink.adding === 1)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(stored).toBe(false)
    open()
    await until('it is told', () => stored)
  })

  it('waits in `store` when too many of its stores are unanswered', async () => {
    const world = await run(() =>
      childDouble(() =>
        doing(async ({ store }) => {
          await Promise.all(
            Array.from({ length: 20 }, async (_, i) => {
              await store([i])
            }),
          )
        }),
      ),
    )
    const open = world.sink.hold()
    await until('the first are on their way', () => world.sink.adding === STORES_MAX)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(world.sink.adding).toBe(STORES_MAX)
    open()
    await until('all are stored', () => world.sink.records === 20)
    expect(recordsOf(world)).toEqual(Array.from({ length: 20 }, (_, i) => i))
    expect(world.children).toHaveLength(1)
  })

  it('sees the reason when its records cannot be stored', async () => {
    const errors: unknown[] = []
    const attempt = async (store: () => Promise<void>): Promise<void> => {
      await store().catch((error: unknown) => errors.push(error))
    }
    const world = await run(() =>
      childDouble(() =>
        doing(async ({ store }) => {
          await attempt(async () => {
            await store(['x'])
          })
          await attempt(async () => {
            await store(['x'.repeat(9 * 1024 * 1024)])
          })
          await attempt(async () => {
            await store([() => 'no value'])
          })
        }),
      ),
    )
    world.sink.failure = new MillraceError('MR_DISK_FULL', 'the disk is full')
    await until('all were refused', () => errors.length === 3)
    expect(errors[0]).toMatchObject({ code: 'MR_DISK_FULL', message: 'the disk is full' })
    expect(errors[1]).toMatchObject({ code: 'MR_RECORD_TOO_LARGE' })
    expect(String(errors[2])).toContain('could not be cloned')
    expect(world.sink.blocks).toHaveLength(0)
  })

  it('tells of an error and goes on', async () => {
    const world = await run(() =>
      childDouble(() =>
        doing(async ({ reportError, store }) => {
          reportError('a bad frame', new Error('byte 7'))
          await store(['after'])
        }),
      ),
    )
    await until('it went on', () => world.sink.records === 1)
    expect(world.events).toContainEqual({
      kind: 'error',
      code: 'MR_RECEIVER_FAILED',
      message: 'a bad frame: byte 7',
    })
  })
})

describe('the process of a custom receiver', () => {
  it('is replaced when it dies, and the others are untouched', async () => {
    const world = await run((n) =>
      childDouble(() =>
        doing(async ({ store }) => {
          await store([`life ${String(n)}`])
        }),
      ),
    )
    await until('the first life stored', () => world.sink.records === 1)
    world.children[0]?.die({ code: null, signal: 'SIGKILL' })
    await until('the second life stored', () => world.sink.records === 2)
    expect(recordsOf(world)).toEqual(['life 0', 'life 1'])
    expect(world.events).toMatchObject([
      { kind: 'started' },
      { kind: 'error', message: "the receiver's process ended by SIGKILL" },
      { kind: 'stopped' },
      { kind: 'started' },
    ])
  })

  it('is replaced only when what the last one stored is settled', async () => {
    const world = await run((n) =>
      childDouble(() =>
        doing(async ({ store }) => {
          await store([n])
        }),
      ),
    )
    const open = world.sink.hold()
    await until('its block is on its way', () => world.sink.adding === 1)
    world.children[0]?.die({ code: 1, signal: null })
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(world.children).toHaveLength(1)
    open()
    await until('the next life stored', () => world.sink.records === 2)
    expect(recordsOf(world)).toEqual([0, 1])
  })

  it('is replaced when its receiver cannot be made, or `onStart` throws or rejects', async () => {
    const world = await run((n) =>
      childDouble(() => {
        if (n === 0) throw new Error('cannot be made')
        return doing(async () => {
          if (n === 1) throw new Error('thrown at once')
          await Promise.resolve()
          if (n === 2) throw new Error('thrown later')
        })
      }),
    )
    await until('the fourth life', () => world.children.length === 4)
    await until('it started', () => world.events.at(-1)?.kind === 'started')
    const messages = world.events.flatMap((e) => (e.kind === 'error' ? [e.message] : []))
    expect(messages.map((message) => message.replace(/:\d+:\d+/, ''))).toEqual([
      'cannot be made (at custom.test.ts)',
      'thrown at once (at custom.test.ts)',
      'thrown later (at custom.test.ts)',
    ])
  })

  it('is replaced when the receiver asks for it', async () => {
    const world = await run((n) =>
      childDouble(() =>
        doing(({ restart }) => {
          if (n === 0) restart('the session is over')
        }),
      ),
    )
    await until('the second life', () => world.children.length === 2)
    expect(world.events).toContainEqual({
      kind: 'stopped',
      message: 'restart asked for: the session is over',
    })
    expect(world.count('error')).toBe(0)
    expect(world.children[0]?.killed).toEqual([])
  })

  it('is killed for a message that makes no sense, or too many stores', async () => {
    const world = await run((n) => {
      const child = childDouble()
      if (n === 0) child.inside.send(Uint8Array.of(99))
      if (n === 1) {
        for (let id = 0; id <= STORES_MAX; id++) {
          child.inside.send(encodeUp({ kind: 'store', id, records: 0, block: new Uint8Array() }))
        }
      }
      return child
    })
    const open = world.sink.hold()
    await until('the second one is killed', () => (world.children[1]?.killed.length ?? 0) > 0)
    expect(world.children[0]?.killed).toEqual(['SIGKILL'])
    open()
  })
})

describe('stopping a custom receiver', () => {
  it('lets it hand over what it holds', async () => {
    let context: ReceiverContext<unknown> | undefined
    const world = await run(() =>
      childDouble(() =>
        doing(
          (c) => {
            context = c
          },
          async () => {
            expect(context?.signal.aborted).toBe(true)
            await context?.store(['flushed in onStop'])
          },
        ),
      ),
    )
    await until('it started', () => world.count('started') === 1)
    const unanswered = context?.store(['under way'])
    await world.handle.stop()
    await unanswered
    expect(recordsOf(world)).toEqual(['under way', 'flushed in onStop'])
    expect(world.events.at(-1)).toEqual({ kind: 'stopped', message: 'stopped' })
    expect(world.children[0]?.killed).toEqual([])
  })

  it('waits for the answers that are still owed', async () => {
    let context: ReceiverContext<unknown> | undefined
    const world = await run(() =>
      childDouble(() =>
        doing((c) => {
          context = c
        }),
      ),
    )
    await until('it started', () => world.count('started') === 1)
    const open = world.sink.hold()
    const unanswered = context?.store(['under way'])
    await until('the block is on its way', () => world.sink.adding === 1)
    const stopping = world.handle.stop()
    await new Promise((resolve) => setTimeout(resolve, 50))
    open()
    await stopping
    await expect(unanswered).resolves.toBeUndefined()
    expect(recordsOf(world)).toEqual(['under way'])
  })

  it('kills it when it has not stopped after five seconds', async () => {
    const child = childDouble(() =>
      doing(
        () => undefined,
        () => new Promise(() => undefined),
      ),
    )
    const world = sourceWorld(() => child)
    const clock = new ManualClock()
    const handle = createReceiver(inputOf('receiver'), {
      ...world.context,
      host: { ...world.context.host, clock },
    })
    await handle.start()
    await until('it started', () => world.count('started') === 1)
    const stopping = handle.stop()
    await clock.advance(4999)
    expect(child.killed).toEqual([])
    await clock.advance(1)
    await stopping
    expect(child.killed).toEqual(['SIGKILL'])
  })

  it('ends the receiver when the driver is gone', async () => {
    const errors: unknown[] = []
    let aborted = false
    const child = childDouble(() =>
      doing(async ({ store, signal }) => {
        signal.addEventListener('abort', () => {
          aborted = true
        })
        await store([1]).catch((error: unknown) => errors.push(error))
      }),
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    child.die({ code: 0, signal: null })
    await until('its store was refused', () => errors.length === 1)
    expect(String(errors[0])).toContain('the driver is gone')
    expect(aborted).toBe(true)
  })

  it('needs a way to start processes', () => {
    expect(() => createReceiver(inputOf('receiver'), sourceWorld().context)).toThrow(
      expect.objectContaining({ code: 'MR_CONFIG_INVALID' }),
    )
    expect(() => createReceiver(inputOf('queue'), sourceWorld().context)).toThrow('by position')
  })
})
