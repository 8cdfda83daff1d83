/**
 * The supervisor as a component: any order of deaths, commits, signals and timers against the few
 * rules that must always hold.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EXIT, FINAL_EXITS } from '../../src/daemon/exit-codes.ts'
import { startSupervisor, superviseStep } from '../../src/daemon/supervisor-machine.ts'
import type { SupervisorEvent, SupervisorState } from '../../src/daemon/supervisor-machine.ts'

const standby = { executors: 2, executorMemoryMb: 64 }
const settings = {
  maxRestarts: 3,
  backoffMinMs: 10,
  backoffMaxMs: 100,
  stopTimeoutMs: 1000,
  standby,
}

interface Model {
  child: 'alive' | 'gone'
  waiting: boolean
  stopping: boolean
  finished: boolean
  /** Without a commit above every earlier one between them. */
  deaths: number
  newest: number
  /** Processes that were asked for to take over, in the life of this child. */
  standbys: number
}

interface Real {
  state: SupervisorState
}

type Command = fc.Command<Model, Real>

/** Hands the event over and holds what is decided against the rules. */
function send(model: Model, real: Real, event: SupervisorEvent): void {
  const { state, actions } = superviseStep(real.state, event)
  real.state = state
  for (const action of actions) {
    switch (action.kind) {
      case 'spawn':
        expect(model.child, 'one child at most').toBe('gone')
        expect(model.stopping, 'nothing is started while stopping').toBe(false)
        model.child = 'alive'
        model.waiting = false
        model.standbys = 0
        break
      case 'wait':
        expect(action.ms).toBeLessThanOrEqual(settings.backoffMaxMs)
        model.waiting = true
        break
      case 'signal':
        expect(model.child, 'a signal has someone to go to').toBe('alive')
        expect(model.stopping, 'a child is only signalled while stopping').toBe(true)
        break
      case 'finish':
        expect(model.finished, 'it ends once').toBe(false)
        model.finished = true
        break
      case 'standBy':
        expect(model.child, 'somebody stands by for a child that lives').toBe('alive')
        model.standbys += 1
        expect(model.standbys, 'one stands by').toBe(1)
        break
      case 'report':
      case 'waitForStandby':
      case 'setDeadline':
        break
    }
  }
  expect(state.phase === 'done').toBe(model.finished)
}

class Exit implements Command {
  readonly code: number | null
  constructor(code: number | null) {
    this.code = code
  }
  check = (model: Model): boolean => model.child === 'alive' && !model.finished
  run(model: Model, real: Real): void {
    model.child = 'gone'
    const { code } = this
    const final = model.stopping || (code !== null && FINAL_EXITS.has(code))
    if (!final && code !== EXIT.full) model.deaths += 1
    send(model, real, { kind: 'exited', code, signal: code === null ? 'SIGKILL' : null })
    const gaveUp = !final && model.deaths >= settings.maxRestarts
    expect(model.finished).toBe(final || gaveUp)
    expect(model.waiting).toBe(!model.finished)
  }
  toString = (): string => `exit ${String(this.code)}`
}

class Commit implements Command {
  readonly number: number
  constructor(number: number) {
    this.number = number
  }
  check = (model: Model): boolean => model.child === 'alive' && !model.finished
  run(model: Model, real: Real): void {
    if (this.number > model.newest) [model.newest, model.deaths] = [this.number, 0]
    send(model, real, { kind: 'message', message: { kind: 'commit', number: this.number } })
    expect(real.state.deaths).toBe(model.deaths)
  }
  toString = (): string => `commit ${String(this.number)}`
}

class Running implements Command {
  check = (model: Model): boolean => model.child === 'alive' && !model.finished
  run(model: Model, real: Real): void {
    send(model, real, { kind: 'message', message: { kind: 'phase', recovering: false } })
  }
  toString = (): string => 'running'
}

class Signal implements Command {
  check = (model: Model): boolean => !model.finished
  run(model: Model, real: Real): void {
    model.stopping = true
    send(model, real, { kind: 'signalled', signal: 'SIGTERM' })
    expect(model.finished).toBe(model.child === 'gone')
  }
  toString = (): string => 'SIGTERM'
}

class TimeOver implements Command {
  check = (model: Model): boolean => model.waiting && !model.finished
  run(model: Model, real: Real): void {
    send(model, real, { kind: 'backoffOver' })
    expect(model.child).toBe('alive')
  }
  toString = (): string => 'backoff over'
}

class StandbyDue implements Command {
  check = (model: Model): boolean => !model.finished
  run(model: Model, real: Real): void {
    send(model, real, { kind: 'standbyDue' })
  }
  toString = (): string => 'standby due'
}

const commands = [
  fc.constantFrom(null, 1, 70, EXIT.full, EXIT.io, EXIT.ok, EXIT.damage).map((c) => new Exit(c)),
  fc.nat(20).map((number) => new Commit(number)),
  fc.constant(new Running()),
  fc.constant(new Signal()),
  fc.constant(new StandbyDue()),
  fc.constant(new TimeOver()),
  fc.constant(new TimeOver()),
]

describe('the supervisor as a component', () => {
  it('keeps its rules in any order of events (model)', () => {
    fc.assert(
      fc.property(fc.commands(commands, { maxCommands: 60 }), (run) => {
        const { state } = startSupervisor()
        const configured = { kind: 'message', message: { kind: 'settings', settings } } as const
        const setup = (): { model: Model; real: Real } => ({
          model: {
            ...{ child: 'alive', waiting: false, stopping: false, finished: false },
            ...{ deaths: 0, newest: -1, standbys: 0 },
          },
          real: { state: superviseStep(state, configured).state },
        })
        fc.modelRun(setup, run)
      }),
      { numRuns: 500 },
    )
  })
})
