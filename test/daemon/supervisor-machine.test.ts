/** The supervisor's decisions, over every order of events that can happen. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXIT, FINAL_EXITS } from '../../src/daemon/exit-codes.ts'
import {
  backoff,
  STANDBY_DELAY_MS,
  startSupervisor,
  superviseStep,
} from '../../src/daemon/supervisor-machine.ts'
import type {
  SupervisorAction,
  SupervisorEvent,
  SupervisorState,
} from '../../src/daemon/supervisor-machine.ts'
import { SUPERVISION_DEFAULTS, decodeDaemonMessage } from '../../src/daemon/supervision.ts'

const settings = {
  ...{ maxRestarts: 3, backoffMinMs: 100, backoffMaxMs: 1000, stopTimeoutMs: 2000 },
  standby: { executors: 2, executorMemoryMb: 64 },
}

/** The world around the machine: one child at most, timers, and what was decided. */
class World {
  state: SupervisorState
  alive = 0
  spawned = 0
  waits: number[] = []
  signals: string[] = []
  finished: number | undefined

  constructor() {
    const { state, actions } = startSupervisor()
    this.state = state
    this.#apply(actions)
  }

  send(event: SupervisorEvent): readonly SupervisorAction[] {
    if (event.kind === 'exited') this.alive -= 1
    const { state, actions } = superviseStep(this.state, event)
    this.state = state
    this.#apply(actions)
    return actions
  }

  /** Read through a function, so that the compiler expects it to change. */
  result(): number | undefined {
    return this.finished
  }

  #apply(actions: readonly SupervisorAction[]): void {
    for (const action of actions) {
      if (action.kind === 'spawn') [this.alive, this.spawned] = [this.alive + 1, this.spawned + 1]
      if (action.kind === 'wait') this.waits.push(action.ms)
      if (action.kind === 'signal') this.signals.push(action.signal)
      if (action.kind === 'finish') {
        expect(this.finished).toBeUndefined()
        this.finished = action.code
      }
    }
  }
}

const died: SupervisorEvent = { kind: 'exited', code: null, signal: 'SIGKILL' }
const exit = (code: number): SupervisorEvent => ({ kind: 'exited', code, signal: null })
const commit = (number: number): SupervisorEvent => ({
  kind: 'message',
  message: { kind: 'commit', number },
})
const running: SupervisorEvent = { kind: 'message', message: { kind: 'phase', recovering: false } }
const configured: SupervisorEvent = { kind: 'message', message: { kind: 'settings', settings } }
const term: SupervisorEvent = { kind: 'signalled', signal: 'SIGTERM' }

function world(...events: readonly SupervisorEvent[]): World {
  const result = new World()
  for (const event of events) result.send(event)
  return result
}

describe('a full disk', () => {
  it('is waited for as long as it takes, and is no death', () => {
    const world = new World()
    world.send({ kind: 'message', message: { kind: 'settings', settings } })
    for (let n = 0; n < 20; n++) {
      world.send(exit(EXIT.full))
      world.send({ kind: 'backoffOver' })
    }
    expect(world.result()).toBeUndefined()
    expect([world.alive, world.state.deaths]).toEqual([1, 0])
    expect(new Set(world.waits)).toEqual(new Set([settings.backoffMaxMs]))
  })
})

describe('a daemon that dies', () => {
  it('is started again after a wait that doubles up to its limit', () => {
    const it = world(configured)
    it.send({ ...configured })
    for (let i = 0; i < 2; i++) {
      it.send(died)
      it.send({ kind: 'backoffOver' })
    }
    expect(it.waits).toEqual([100, 200])
    expect(it.spawned).toBe(3)
    expect(backoff(settings, 50)).toBe(1000)
    expect(backoff(settings, 5000)).toBe(1000)
  })

  it('is given up after so many deaths without a commit between them', () => {
    const it = world(configured, died, { kind: 'backoffOver' }, exit(70), { kind: 'backoffOver' })
    expect(it.finished).toBeUndefined()
    it.send(died)
    expect(it.finished).toBe(EXIT.internal)
    expect(it.spawned).toBe(3)
  })

  it('is not given up while every life commits something new', () => {
    const it = world(configured)
    for (let n = 0; n < 50; n++) {
      it.send(commit(n))
      it.send(died)
      it.send({ kind: 'backoffOver' })
    }
    expect(it.finished).toBeUndefined()
  })

  it('is started again at once after a commit, and waits at its next death without one', () => {
    const it = world(configured, commit(1), died, { kind: 'backoffOver' })
    it.send(died)
    expect(it.waits).toEqual([0, 200])
  })

  it('is given up though it tells of an old commit in every life', () => {
    const it = world(configured, commit(7))
    for (let n = 0; n < 3; n++) {
      it.send(commit(7))
      it.send(died)
      it.send({ kind: 'backoffOver' })
    }
    expect(it.finished).toBe(EXIT.internal)
  })

  it.each([EXIT.ok, EXIT.usage, EXIT.program, EXIT.damage, EXIT.hurried])(
    'is not started again after exit %i',
    (code) => {
      const it = world(exit(code))
      expect(it.finished).toBe(code)
      expect(it.spawned).toBe(1)
    },
  )

  it.each([EXIT.unavailable, EXIT.internal, EXIT.io, 1])(
    'is started again after exit %i',
    (code) => {
      expect(world(exit(code), { kind: 'backoffOver' }).spawned).toBe(2)
    },
  )
})

describe('a stop', () => {
  it('is passed on, and the exit code of the daemon is the answer', () => {
    const it = world(running, { kind: 'signalled', signal: 'SIGINT' }, exit(0))
    expect(it.signals).toEqual(['SIGINT'])
    expect(it.finished).toBe(0)
  })

  it('of a daemon that has not said a word is no hurry, whatever came before', () => {
    const stopped: SupervisorEvent = { kind: 'exited', code: null, signal: 'SIGTERM' }
    expect(world(term, stopped).finished).toBe(EXIT.ok)
    expect(world(configured, term, stopped).finished).toBe(EXIT.hurried)
    expect(world(term, died).finished).toBe(EXIT.hurried)
    const again = world(configured, died, { kind: 'backoffOver' }, term, stopped)
    expect(again.finished).toBe(EXIT.ok)
  })

  it('ends a wait at once', () => {
    expect(world(died, term).finished).toBe(EXIT.ok)
    expect(world(died, term, { kind: 'backoffOver' }).spawned).toBe(1)
  })

  it('kills after the deadline, or at a second signal', () => {
    const late = world(running, term, { kind: 'deadline' })
    expect(late.signals).toEqual(['SIGTERM', 'SIGKILL'])
    late.send(died)
    expect(late.finished).toBe(EXIT.hurried)
    expect(world(running, term, term).signals).toEqual(['SIGTERM', 'SIGKILL'])
  })

  it('never kills a daemon that is recovering, except at a second signal', () => {
    const it = world(term, { kind: 'deadline' })
    expect(it.signals).toEqual(['SIGTERM'])
    it.send(term)
    expect(it.signals).toEqual(['SIGTERM', 'SIGKILL'])
  })
})

const anyEvent: fc.Arbitrary<SupervisorEvent> = fc.oneof(
  fc.constant(died),
  fc.constantFrom(0, 1, 64, 65, 69, 70, 71, 74, 75).map(exit),
  fc.nat(5).map(commit),
  fc.boolean().map((recovering): SupervisorEvent => ({
    kind: 'message',
    message: { kind: 'phase', recovering },
  })),
  fc.constant(configured),
  fc.constant<SupervisorEvent>({ kind: 'backoffOver' }),
  fc.constant<SupervisorEvent>({ kind: 'standbyDue' }),
  fc.constant<SupervisorEvent>({ kind: 'deadline' }),
  fc
    .constantFrom('SIGTERM' as const, 'SIGINT' as const)
    .map((signal): SupervisorEvent => ({ kind: 'signalled', signal })),
)

describe('a daemon that is held ready', () => {
  const due: SupervisorEvent = { kind: 'standbyDue' }

  it('is asked for once a life, a while after the first commit of a running daemon', () => {
    const it = world(configured, commit(1))
    expect(it.send(due)).toEqual([])
    it.send(running)
    expect(it.send(commit(2))).toEqual([{ kind: 'waitForStandby', ms: STANDBY_DELAY_MS }])
    expect(it.send(due)).toEqual([{ kind: 'standBy', plan: settings.standby }])
    expect([...it.send(commit(3)), ...it.send(due)]).toEqual([])
    it.send(died)
    it.send({ kind: 'backoffOver' })
    it.send(running)
    expect(it.send(commit(4))).toHaveLength(1)
  })

  it('is not asked for where it is not wanted, nor while the daemon stops or is dead', () => {
    expect(world(running).send(commit(1))).toEqual([])
    const stopping = world(configured, running, commit(1), term)
    expect([...stopping.send(due), ...stopping.send(commit(2))]).toEqual([])
    expect(world(configured, running, commit(1), died).send(due)).toEqual([])
  })
})

describe('in every order of events', () => {
  it('at most one child lives, kills need a stop, and the end is reached once', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (events) => {
        const it = new World()
        let stops = 0
        let deathsInRow = 0
        let highest = -1
        for (const event of events) {
          if (it.result() !== undefined) return
          if (event.kind === 'exited' && it.alive === 0) continue
          if (event.kind === 'message' && it.alive === 0) continue
          const before = it.state
          const killsBefore = it.signals.filter((signal) => signal === 'SIGKILL').length
          it.send(event)
          if (event.kind === 'signalled') stops += 1
          if (event.kind === 'message' && event.message.kind === 'commit') {
            if (event.message.number > highest) deathsInRow = 0
            highest = Math.max(highest, event.message.number)
          }
          if (event.kind === 'exited' && stops === 0) deathsInRow += 1
          expect(it.alive).toBeGreaterThanOrEqual(0)
          expect(it.alive).toBeLessThanOrEqual(1)
          const kills = it.signals.filter((signal) => signal === 'SIGKILL').length
          if (kills > killsBefore) {
            expect(stops >= 2 || (event.kind === 'deadline' && !before.recovering)).toBe(true)
          }
          if (stops === 0 && it.result() === EXIT.internal) {
            expect(deathsInRow).toBeGreaterThanOrEqual(before.settings.maxRestarts)
          }
          if (it.result() !== undefined && stops === 0) {
            expect(it.result() === EXIT.internal || FINAL_EXITS.has(it.result() ?? -1)).toBe(true)
          }
          if (it.result() !== undefined) expect(it.alive).toBe(0)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('messages of a daemon', () => {
  it('are understood, and anything else is not', () => {
    expect(decodeDaemonMessage({ kind: 'commit', number: 3 })).toEqual({
      kind: 'commit',
      number: 3,
    })
    expect(decodeDaemonMessage({ kind: 'phase', recovering: true })).toEqual({
      kind: 'phase',
      recovering: true,
    })
    expect(decodeDaemonMessage({ kind: 'settings', settings: { maxRestarts: 9 } })).toEqual({
      kind: 'settings',
      settings: { ...SUPERVISION_DEFAULTS, maxRestarts: 9 },
    })
    for (const wrong of [
      undefined,
      null,
      'commit',
      { kind: 'commit' },
      { kind: 'commit', number: -1 },
      { kind: 'phase', recovering: 'yes' },
      { kind: 'settings', settings: { maxRestarts: 'x' } },
      { kind: 'other' },
    ]) {
      expect(decodeDaemonMessage(wrong)).toBeUndefined()
    }
  })
})
