/**
 * `millrace run` around an engine at the test's command: start, signals, failures, what is written
 * where.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { MillraceError } from '../../src/base/errors.ts'
import { startAdminServer } from '../../src/admin/server.ts'
import { loadConfig } from '../../src/daemon/config.ts'
import { run } from '../../src/daemon/run.ts'
import type { SupervisorLink } from '../../src/host/shell.ts'
import { nodeClock } from '../../src/host/node-clock.ts'
import { nodeHost } from '../../src/host/node-host.ts'
import { contentOf, withDirectory } from '../engine/directory-fixture.ts'
import { engineStatus } from '../admin/fake-engine.ts'
import { fakeHandle } from './fake-handle.ts'
import type { FakeHandle } from './fake-handle.ts'
import { Exited, FakeOutput, fakeShell } from './fake-shell.ts'
import type { FakeShell } from './fake-shell.ts'

interface Trial {
  readonly directory: string
  readonly shell: FakeShell
  readonly engine: FakeHandle
  /** Exit code, `exit` included; rejects as `run` does. */
  start(flags?: Record<string, string>): Promise<number>
}

async function trial(
  work: (trial: Trial) => Promise<void>,
  options: { terminal?: boolean; supervisor?: SupervisorLink } = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    await writeFile(join(directory, 'app.ts'), 'export default 1')
    const { supervisor } = options
    const shell = {
      ...fakeShell({ workingDirectory: directory, ...(supervisor ? { supervisor } : {}) }),
      err: new FakeOutput(options.terminal),
    }
    const engine = fakeHandle()
    const start = async (flags: Record<string, string> = {}): Promise<number> => {
      const config = await loadConfig(nodeHost.fs, {
        workingDirectory: directory,
        processors: 2,
        environment: {},
        flags: { dataDir: 'data', 'admin.port': '0', ...flags },
        params: ['host=example.org'],
        file: undefined,
      })
      const program = { program: 'app.ts', exportName: undefined, drop: ['old'] }
      return await run(
        shell,
        nodeHost,
        { makeEngine: engine.make, startAdminServer },
        { ...program, config },
      ).catch((error: unknown) => {
        if (error instanceof Exited) return error.code
        throw error
      })
    }
    await work({ directory, shell, engine, start })
  })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nodeClock.sleep(2)
}

describe('a run', () => {
  it('makes the engine from program and settings, and ends when it has stopped', async () => {
    await trial(async ({ directory, shell, engine, start }) => {
      const code = start({ executors: '3' })
      await until(() => engine.parts !== undefined)
      expect(engine.parts).toMatchObject({
        settings: { executors: 3, dataDir: join(directory, 'data') },
        params: { host: 'example.org' },
        drop: ['old'],
        workingDirectory: directory,
      })
      engine.parts?.onPrint('printed\n')
      engine.parts?.onProgramOutput('executor 0', 'stdout', 'said')
      engine.parts?.onProgramOutput('executor 0', 'stderr', 'complained')
      shell.raise('SIGTERM')
      expect(await code).toBe(0)
      expect(engine.stops).toEqual([{ graceful: true, timeoutMs: 30_000 }])
      expect(shell.out.text).toBe('printed\nsaid\n')
      expect(shell.err.text).toContain('complained')
      // Nothing is written before the engine owns the directory.
      expect(await readdir(directory)).not.toContain('data')
    })
  })

  it('tells a terminal what to try, and a pipe one line of JSON', async () => {
    await trial(async ({ shell, engine, start }) => {
      const code = start()
      await until(() => engine.parts !== undefined)
      await until(() => shell.err.text.includes('"started"'))
      const [line = '', next = ''] = shell.err.text.split('\n')
      const dataDir: unknown = expect.stringMatching(/data$/)
      expect(JSON.parse(line)).toMatchObject({ msg: 'starting', pid: 4242, dataDir })
      expect(JSON.parse(next)).toMatchObject({ msg: 'started', pid: 4242, executors: 2 })
      shell.raise('SIGTERM')
      await code
    })
    await trial(
      async ({ shell, engine, start }) => {
        const code = start()
        await until(() => shell.err.text.includes('kill -9 4242'))
        expect(engine.parts).toBeDefined()
        expect(shell.err.text).toMatch(/^millrace: starting, process 4242, data in .*data\n/)
        expect(shell.err.text).toMatch(/curl http:\/\/127\.0\.0\.1:\d+\/readyz/)
        shell.raise('SIGTERM')
        await code
      },
      { terminal: true },
    )
  })

  it('serves the admin API while the engine still recovers', async () => {
    await trial(async ({ shell, engine, start }) => {
      engine.begin = () => new Promise(() => undefined)
      engine.status = engineStatus({ phase: 'starting' })
      const code = start()
      await until(() => engine.parts !== undefined)
      const [line = ''] = shell.err.text.split('\n')
      const started: unknown = JSON.parse(line)
      const url = String(Reflect.get(Object(started), 'adminUrl'))
      expect((await fetch(`${url}/readyz`)).status).toBe(503)
      shell.raise('SIGINT')
      expect(await code).toBe(0)
      await expect(fetch(`${url}/livez`)).rejects.toThrow()
    })
  })
})

describe('a stop', () => {
  it('before anything has begun makes no engine', async () => {
    await trial(async ({ shell, engine, start }) => {
      const code = start()
      const raising = nodeClock.every(1, () => {
        shell.raise('SIGTERM')
      })
      expect(await code).toBe(0)
      raising()
      expect(engine.parts).toBeUndefined()
    })
  })

  it('ends at once at a second signal', async () => {
    await trial(async ({ shell, engine, start }) => {
      engine.end = () => new Promise(() => undefined)
      const code = start()
      await until(() => engine.parts !== undefined)
      shell.raise('SIGTERM')
      await until(() => engine.stops.length === 1)
      shell.raise('SIGTERM')
      expect(await code).toBe(75)
    })
  })

  it('ends with the failure when the engine fails while it stops', async () => {
    await trial(async ({ shell, engine, start }) => {
      engine.end = async () => {
        engine.fail(new MillraceError('MR_LOG_FAILED', 'disk'))
        await Promise.resolve()
      }
      const code = start()
      const outcome = expect(code).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
      await until(() => engine.parts !== undefined)
      shell.raise('SIGTERM')
      await outcome
    })
  })
})

describe('a run that cannot go on', () => {
  it('ends with what the engine refused to start with, and never says it had started', async () => {
    for (const terminal of [true, false]) {
      await trial(
        async ({ engine, shell, start }) => {
          engine.begin = () => Promise.reject(new MillraceError('MR_LOG_DAMAGED', 'there'))
          await expect(start()).rejects.toMatchObject({ code: 'MR_LOG_DAMAGED' })
          expect(shell.err.text.trim().split('\n')).toHaveLength(1)
          expect(shell.err.text).toContain('starting')
        },
        { terminal },
      )
    }
  })

  it('ends with what made the engine fail later', async () => {
    await trial(async ({ engine, start }) => {
      const outcome = expect(start()).rejects.toMatchObject({ code: 'MR_LOG_FAILED' })
      await until(() => engine.parts !== undefined)
      engine.fail(new MillraceError('MR_LOG_FAILED', 'disk'))
      await outcome
    })
  })

  it('writes nothing into a directory that is not ours', async () => {
    await trial(async ({ directory, engine, start }) => {
      const before = await contentOf(directory)
      await expect(start({ dataDir: '.' })).rejects.toMatchObject({ code: 'MR_DIRECTORY_FOREIGN' })
      expect(engine.parts).toBeUndefined()
      expect(await contentOf(directory)).toEqual(before)
    })
  })

  it('takes nothing when the admin address is refused', async () => {
    await trial(async ({ engine, start }) => {
      const attempt = start({ 'admin.host': '0.0.0.0' })
      await expect(attempt).rejects.toMatchObject({ code: 'MR_CONFIG_INVALID' })
      expect(engine.parts).toBeUndefined()
    })
  })
})

describe('a supervised run', () => {
  it('ends at once where its supervisor is gone before it begins', async () => {
    const supervisor: SupervisorLink = {
      pid: 1,
      standby: undefined,
      send: () => undefined,
      heard: () => Promise.reject(new Error('nothing is said')),
      onGone: (f) => {
        f()
      },
    }
    await trial(
      async ({ engine, start }) => {
        expect(await start()).toBe(75)
        expect(engine.parts).toBeUndefined()
      },
      { supervisor },
    )
  })

  it('tells of settings, phases and commits, and ends when its supervisor is gone', async () => {
    const told: unknown[] = []
    let gone: () => void = () => undefined
    const supervisor: SupervisorLink = {
      pid: 1,
      standby: undefined,
      heard: () => Promise.reject(new Error('nothing is told to a daemon at work')),
      send: (message) => {
        told.push(message)
      },
      onGone: (f) => {
        gone = f
      },
    }
    await trial(
      async ({ shell, engine, start }) => {
        engine.status = engineStatus({ phase: 'starting', lastCommit: undefined })
        const code = start({ stopTimeoutMs: '7s' })
        await until(() => told.length === 1)
        expect(told[0]).toMatchObject({ kind: 'settings', settings: { stopTimeoutMs: 7000 } })
        engine.status = engineStatus({ lastCommit: { number: 5, time: 0 } })
        await until(() => told.length === 3)
        expect(told.slice(1)).toEqual([
          { kind: 'phase', recovering: false },
          { kind: 'commit', number: 5 },
        ])
        expect(gone).toThrow(Exited)
        shell.raise('SIGTERM')
        expect(await code).toBe(0)
      },
      { supervisor },
    )
  })
})
