/** An engine handle at the test's command, and what it was made from. */
import type { EngineHandle, EngineParts, MakeEngine } from '../../src/daemon/engine-handle.ts'
import type { EngineStatus } from '../../src/engine/status.ts'
import { engineStatus } from '../admin/fake-engine.ts'

export interface FakeHandle {
  readonly make: MakeEngine
  parts: EngineParts | undefined
  status: EngineStatus
  readonly stops: { graceful: boolean; timeoutMs: number }[]
  /** Ends `start` and `stop` in time; `never` leaves them open. */
  begin: () => Promise<void>
  end: () => Promise<void>
  fail(error: unknown): void
}

export function fakeHandle(): FakeHandle {
  let stopped: () => void = () => undefined
  let failed: (error: unknown) => void = () => undefined
  const terminated = new Promise<void>((resolve, reject) => {
    stopped = resolve
    failed = reject
  })
  terminated.catch(() => undefined)
  const handle: FakeHandle = {
    parts: undefined,
    status: engineStatus(),
    stops: [],
    begin: () => Promise.resolve(),
    end: () => Promise.resolve(),
    fail: (error) => {
      failed(error)
    },
    make: (parts) => {
      handle.parts = parts
      const engine: EngineHandle = {
        start: () => handle.begin(),
        terminated: () => terminated,
        stop: async (options) => {
          handle.stops.push(options)
          await handle.end()
          stopped()
        },
        status: () => handle.status,
        backup: () => Promise.reject(new Error('nobody backs this up')),
        retryHeld: () => undefined,
        queryState: () => Promise.resolve({ kind: 'absent' }),
      }
      return engine
    },
  }
  return handle
}
