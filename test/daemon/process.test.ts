/** What a process of the command does that is held ready to take over. */
import { describe, expect, it } from 'vitest'
import { runProcess } from '../../src/daemon/process.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import type { SupervisorLink } from '../../src/host/shell.ts'
import { Exited, fakeShell } from './fake-shell.ts'

const plan = { executors: 2, executorMemoryMb: 64 }

interface Parent extends SupervisorLink {
  takeOver(): void
  die(): void
}

function parent(standby: string | undefined): Parent {
  let hear: (message: unknown) => void = () => undefined
  let gone: () => void = () => undefined
  return {
    ...{ pid: 1, standby, send: () => undefined },
    heard: () =>
      new Promise((resolve) => {
        hear = resolve
      }),
    onGone: (f) => {
      gone = f
    },
    takeOver: () => {
      hear({ kind: 'takeOver' })
    },
    die: () => {
      gone()
    },
  }
}

/** Runs a process; what it did, and its exit code. */
function trial(
  supervisor: SupervisorLink | undefined,
  prepare: (given: unknown) => Promise<string> = () => Promise.resolve('prepared'),
): { did: unknown[]; code: Promise<unknown> } {
  const did: unknown[] = []
  const shell = fakeShell({ arguments: ['run', 'app.ts'], supervisor })
  const ended = runProcess(shell, new ManualClock(0), {
    command: (prepared: string | undefined) => {
      did.push(['command', prepared])
      return Promise.resolve(0)
    },
    prepare: (given) => {
      did.push(['prepare', given])
      return prepare(given)
    },
  })
  const code = ended.catch((error: unknown) => (error instanceof Exited ? error.code : error))
  return { did, code }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

describe('a process', () => {
  it('that is not held ready begins at once', async () => {
    for (const supervisor of [undefined, parent(undefined)]) {
      const { did, code } = trial(supervisor)
      expect(await code).toBe(0)
      expect(did).toEqual([['command', undefined]])
    }
  })

  it('that is held ready prepares, and begins when it is told', async () => {
    const supervisor = parent(JSON.stringify(plan))
    const { did, code } = trial(supervisor)
    await turns()
    expect(did).toEqual([['prepare', plan]])
    supervisor.takeOver()
    expect(await code).toBe(0)
    expect(did).toEqual([
      ['prepare', plan],
      ['command', 'prepared'],
    ])
  })

  it('that was told while it prepared begins when it is done', async () => {
    const supervisor = parent(JSON.stringify(plan))
    let done: (text: string) => void = () => undefined
    const { did, code } = trial(supervisor, () => new Promise((resolve) => (done = resolve)))
    supervisor.takeOver()
    await turns()
    expect(did).toHaveLength(1)
    done('late')
    expect(await code).toBe(0)
    expect(did.at(-1)).toEqual(['command', 'late'])
  })

  it('that cannot prepare begins as any other does', async () => {
    const supervisor = parent(JSON.stringify(plan))
    const { did, code } = trial(supervisor, () => Promise.reject(new Error('no process left')))
    supervisor.takeOver()
    expect(await code).toBe(0)
    expect(did.at(-1)).toEqual(['command', undefined])
  })

  it('that is held ready ends with its supervisor', async () => {
    const supervisor = parent(JSON.stringify(plan))
    const { did } = trial(supervisor)
    await turns()
    expect(() => {
      supervisor.die()
    }).toThrow(new Exited(75))
    expect(did).toEqual([['prepare', plan]])
  })
})
