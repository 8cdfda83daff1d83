/** What `millrace verify` says of a store that lags behind the other. */
import { describe, expect, it } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { verify } from '../../src/daemon/verify.ts'
import { defineApp } from '../../src/dstream/app.ts'
import { copyOf } from '../checkpoint/worlds.ts'
import { Ground } from '../engine/ground.ts'
import { fakeShell } from './fake-shell.ts'

const app = defineApp({ name: 'counting', batchInterval: seconds(1) }, (ssc) => {
  ssc
    .sequenceStream({ uid: 'words', batches: [['a'], ['a'], ['a']] })
    .map((word) => [word, 1])
    .updateStateByKey(
      { uid: 'totals' },
      (ones: readonly number[], before: number | undefined) => (before ?? 0) + ones.length,
    )
    .toRows('totals')
})

async function verified(ground: Ground): Promise<{ code: number; text: string }> {
  const shell = fakeShell()
  const code = await verify(shell, ground.host, { directory: '/data', json: false })
  return { code, text: shell.out.text }
}

/**
 * Three lives of one batch each: two commits, the batch and the end of the log at the clean stop.
 * Then, to lag by one, a life without a batch. The store is then as it was a life before.
 */
async function lagging(name: 'checkpoint-a' | 'checkpoint-b', behind: 1 | 2): Promise<Ground> {
  const ground = new Ground()
  const copies: (() => Promise<void>)[] = []
  for (const time of [1000, 2000, 3000]) {
    const engine = ground.engine(app)
    await engine.start()
    await ground.batch(engine, time)
    await engine.stop({ graceful: false, timeoutMs: 0 })
    copies.push(await copyOf({ host: ground.host, directory: '/data' }, name))
  }
  if (behind === 1) {
    const idle = ground.engine(app)
    await idle.start()
    await idle.stop({ graceful: false, timeoutMs: 0 })
  }
  await copies.at(-behind)?.()
  return ground
}

describe.each(['checkpoint-a', 'checkpoint-b'] as const)('verifying, with %s old', (name) => {
  it('notes one commit behind, as a crash leaves it', async () => {
    const { code, text } = await verified(await lagging(name, 1))
    const note = `note: ${name} is one commit behind, as a crash leaves it`
    expect(text).toContain(`${note}: the next start brings it up`)
    expect(code).toBe(0)
  })

  it('finds two commits behind damaged', async () => {
    const ground = await lagging(name, 2)
    const { code, text } = await verified(ground)
    expect(text).toContain(
      `DAMAGED: ${name}: it holds commit 5, 2 behind: a crash leaves a store at most 1 behind`,
    )
    expect(text).toContain('is whole: the next start keeps the other aside and makes it again')
    expect(code).toBe(71)
    const engine = ground.engine(app)
    await engine.start()
    expect(await engine.queryState('totals', 'a')).toEqual({ kind: 'found', value: 3 })
    await engine.stop({ graceful: false, timeoutMs: 0 })
    expect((await verified(ground)).code).toBe(0)
  })
})
