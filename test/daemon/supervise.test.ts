/** The supervisor at work, with children and a clock at the test's command. */
import { describe, expect, it } from 'vitest'
import { supervise, wantsSupervision } from '../../src/daemon/supervise.ts'
import { STANDBY_DELAY_MS } from '../../src/daemon/supervisor-machine.ts'
import { TAKE_OVER } from '../../src/daemon/supervision.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { fakeShell } from './fake-shell.ts'
import type { FakeChild, FakeShell } from './fake-shell.ts'

const RUN = ['run', 'app.ts', '--supervise', '--param', 'port=1']

async function newest(shell: FakeShell, count: number): Promise<FakeChild> {
  for (let turn = 0; turn < 100 && shell.children.length < count; turn++) await Promise.resolve()
  expect(shell.children).toHaveLength(count)
  const child = shell.children[count - 1]
  if (child === undefined) throw new Error('no child')
  return child
}

describe('the supervisor', () => {
  it('is asked for by its flag, for `run` only, and not to show help', () => {
    expect(wantsSupervision(RUN)).toBe(true)
    expect(wantsSupervision(['run', 'app.ts'])).toBe(false)
    expect(wantsSupervision(['plan', 'app.ts', '--supervise'])).toBe(false)
    expect(wantsSupervision(['run', 'app.ts', '--', '--supervise'])).toBe(false)
    expect(wantsSupervision(['run', '--supervise', '--help'])).toBe(false)
  })

  it('starts the daemon without its own flag and ends as the daemon ends', async () => {
    const shell = fakeShell({ arguments: RUN })
    const code = supervise(shell, new ManualClock(0))
    const child = await newest(shell, 1)
    expect(child.arguments).toEqual(['run', 'app.ts', '--param', 'port=1'])
    child.exit(64)
    expect(await code).toBe(64)
    expect(shell.children).toHaveLength(1)
  })

  it('starts what had committed again at once, and says so in a line', async () => {
    const clock = new ManualClock(0)
    const shell = fakeShell({ arguments: RUN })
    const code = supervise(shell, clock)
    const first = await newest(shell, 1)
    first.tell({ kind: 'commit', number: 1 })
    first.exit(null, 'SIGKILL')
    await clock.advance(0)
    const second = await newest(shell, 2)
    expect(shell.err.text).toContain('starting it again at once')
    second.exit(0)
    expect(await code).toBe(0)
  })

  it('waits before it starts again what has not committed', async () => {
    const clock = new ManualClock(0)
    const shell = fakeShell({ arguments: RUN })
    const code = supervise(shell, clock)
    const first = await newest(shell, 1)
    first.exit(null, 'SIGKILL')
    for (let turn = 0; turn < 10; turn++) await Promise.resolve()
    const line: unknown = JSON.parse(shell.err.text)
    expect(line).toMatchObject({ level: 40, name: 'supervisor' })
    expect(shell.err.text).toContain('SIGKILL')
    await clock.advance(199)
    expect(shell.children).toHaveLength(1)
    await clock.advance(1)
    const second = await newest(shell, 2)
    second.exit(0)
    expect(await code).toBe(0)
  })

  it('passes a signal on, and kills after the deadline what does not stop', async () => {
    const clock = new ManualClock(0)
    const shell = fakeShell({ arguments: RUN })
    const code = supervise(shell, clock)
    const child = await newest(shell, 1)
    child.tell({ kind: 'settings', settings: { stopTimeoutMs: 1000 } })
    child.tell({ kind: 'phase', recovering: false })
    shell.raise('SIGTERM')
    expect(child.signals).toEqual(['SIGTERM'])
    await clock.advance(5999)
    expect(child.signals).toEqual(['SIGTERM'])
    await clock.advance(1)
    expect(child.signals).toEqual(['SIGTERM', 'SIGKILL'])
    child.exit(null, 'SIGKILL')
    expect(await code).toBe(75)
  })
})

describe('a daemon that is held ready', () => {
  const plan = { executors: 2, executorMemoryMb: 64 }

  async function withStandby(): Promise<{
    clock: ManualClock
    shell: FakeShell
    code: Promise<number>
    first: FakeChild
    second: FakeChild
  }> {
    const clock = new ManualClock(0)
    const shell = fakeShell({ arguments: RUN })
    const code = supervise(shell, clock)
    const first = await newest(shell, 1)
    first.tell({ kind: 'settings', settings: { standby: plan } })
    first.tell({ kind: 'phase', recovering: false })
    first.tell({ kind: 'commit', number: 1 })
    await clock.advance(STANDBY_DELAY_MS)
    return { clock, shell, code, first, second: await newest(shell, 2) }
  }

  it('is told what to hold ready, takes over when the daemon dies, and is followed', async () => {
    const { clock, shell, code, first, second } = await withStandby()
    expect(first.standby).toBeUndefined()
    expect(second.arguments).toEqual(first.arguments)
    expect(JSON.parse(second.standby ?? '')).toEqual(plan)
    expect(second.messages).toEqual([])
    first.exit(null, 'SIGKILL')
    await clock.advance(0)
    expect(second.messages).toEqual([TAKE_OVER])
    expect(shell.err.text).toContain('held ready takes over')
    expect(shell.children).toHaveLength(2)
    second.tell({ kind: 'phase', recovering: false })
    second.tell({ kind: 'commit', number: 2 })
    await clock.advance(STANDBY_DELAY_MS)
    const third = await newest(shell, 3)
    second.exit(0)
    expect(await code).toBe(0)
    expect(third.signals).toEqual(['SIGKILL'])
  })

  it('is missed when it died itself: the next start is an ordinary one', async () => {
    const { clock, shell, code, first, second } = await withStandby()
    second.exit(null, 'SIGKILL')
    await clock.advance(0)
    expect(shell.err.text).toContain('the daemon that was held ready ended')
    first.exit(null, 'SIGKILL')
    await clock.advance(0)
    const third = await newest(shell, 3)
    expect(third.standby).toBeUndefined()
    third.exit(0)
    expect(await code).toBe(0)
  })
})
