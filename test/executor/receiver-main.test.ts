/**
 * Custom receivers in a process of their own, or inline: user code that stores, and is told when it
 * is durable.
 */
import { deserialize } from 'node:v8'
import { describe, expect, it } from 'vitest'
import type { Exit } from '../../src/host/host.ts'
import { decodeUp, encodeDown, type UpMessage } from '../../src/receiver/custom-protocol.ts'
import { type Kind, teamOf } from './support.ts'

const CLICKS = `
  import { defineApp, seconds } from 'millrace'
  const options = { name: 'clicks', batchInterval: seconds(1), params: { user: '' } }
  export default defineApp(options, (ssc, { user }) => {
    ssc.receiverStream({ uid: 'clicks' }, () => ({
      async onStart(context) {
        await context.store([{ user, at: 1n }])
        process.stdout.write('told\\n')
      },
    })).print()
  })`

describe.each<Kind>(['processes', 'inline'])('a custom receiver (%s)', (kind) => {
  it('stores values, hears that they are durable, and stops when told to', async () => {
    const { team, printed } = await teamOf(CLICKS, { kind, params: { user: 'u1' } })
    const child = team.spawnReceiver('clicks')
    const got: UpMessage[] = []
    child.channel.onMessage((message) => {
      const up = decodeUp(message)
      got.push(up)
      if (up.kind !== 'store') return
      child.channel.send(encodeDown({ kind: 'durable', id: up.id }))
      child.channel.send(encodeDown({ kind: 'stop' }))
    })
    expect(await child.exited).toEqual<Exit>({ code: 0, signal: null })
    const block = got.find((one) => one.kind === 'store')
    expect(block?.kind === 'store' && deserialize(block.block)).toEqual([{ user: 'u1', at: 1n }])
    expect(got.map((one) => one.kind)).toContain('started')
    if (kind === 'processes') expect(printed).toEqual(['receiver clicks stdout: told'])
  })
})

describe('a custom receiver that is not in the program', () => {
  it('ends its process and says so', async () => {
    const { team, printed } = await teamOf(CLICKS)
    const child = team.spawnReceiver('other')
    expect((await child.exited).code).toBe(1)
    expect(printed.join('\n')).toContain(`the program has no receiver 'other'`)
  })
})
