/**
 * `millrace run --supervise`: a small parent that starts the daemon, hears of its commits, and
 * starts it again when it dies. All decisions are the machine's (`supervisor-machine.ts`); here
 * they are carried out. It loads neither engine nor configuration, so it starts fast and has little
 * to fail with. If it dies itself, the daemon ends at once, and so does the one that is held ready.
 */
import type { Clock } from '../host/host.ts'
import type { Shell, SupervisedChild } from '../host/shell.ts'
import { startSupervisor, superviseStep } from './supervisor-machine.ts'
import type { SupervisorAction, SupervisorEvent, SupervisorStep } from './supervisor-machine.ts'
import { decodeDaemonMessage, TAKE_OVER } from './supervision.ts'
import type { StandbyPlan } from './supervision.ts'

export const SUPERVISE_FLAG = '--supervise'

/** True for `run … --supervise …`, flags before a `--` only. */
export function wantsSupervision(argv: readonly string[]): boolean {
  const end = argv.indexOf('--')
  const flags = end < 0 ? argv : argv.slice(0, end)
  return flags[0] === 'run' && flags.includes(SUPERVISE_FLAG) && !flags.includes('--help')
}

/** Runs until the daemon is done for good; resolves with the exit code. */
export async function supervise(
  shell: Pick<Shell, 'arguments' | 'err' | 'onSignal' | 'spawnSelf' | 'pid'>,
  clock: Clock,
): Promise<number> {
  const supervisor = new Supervisor(shell, clock)
  const forget = shell.onSignal((signal) => {
    supervisor.handle({ kind: 'signalled', signal })
  })
  try {
    return await supervisor.finished
  } finally {
    forget()
    supervisor.close()
  }
}

class Supervisor {
  readonly finished: Promise<number>
  readonly #shell: Pick<Shell, 'arguments' | 'err' | 'spawnSelf' | 'pid'>
  readonly #clock: Clock
  readonly #timers = new AbortController()
  #finish: (code: number) => void = () => undefined
  #state: SupervisorStep['state']
  #child: SupervisedChild | undefined
  /** Waits to take over; undefined when there is none, or it died. */
  #standby: SupervisedChild | undefined

  constructor(shell: Pick<Shell, 'arguments' | 'err' | 'spawnSelf' | 'pid'>, clock: Clock) {
    this.#shell = shell
    this.#clock = clock
    this.finished = new Promise((resolve) => {
      this.#finish = resolve
    })
    const { state, actions } = startSupervisor()
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  handle(event: SupervisorEvent): void {
    const { state, actions } = superviseStep(this.#state, event)
    this.#state = state
    for (const action of actions) this.#act(action)
  }

  close(): void {
    this.#timers.abort()
    this.#standby?.signal('SIGKILL')
  }

  #act(action: SupervisorAction): void {
    switch (action.kind) {
      case 'spawn':
        this.#start()
        return
      case 'wait':
        this.#after(action.ms, { kind: 'backoffOver' })
        return
      case 'waitForStandby':
        this.#after(action.ms, { kind: 'standbyDue' })
        return
      case 'standBy':
        this.#standBy(action.plan)
        return
      case 'setDeadline':
        this.#after(action.ms, { kind: 'deadline' })
        return
      case 'signal':
        this.#child?.signal(action.signal)
        return
      case 'report':
        this.#report(action.text)
        return
      case 'finish':
        this.#finish(action.code)
    }
  }

  #start(): void {
    const standby = this.#standby
    this.#standby = undefined
    this.#child = standby ?? this.#spawn()
    if (standby === undefined) return
    standby.send(TAKE_OVER)
    this.#report('the daemon that was held ready takes over')
  }

  /** One that waits still from an earlier life of the daemon serves as well. */
  #standBy(plan: StandbyPlan): void {
    this.#standby ??= this.#spawn(JSON.stringify(plan))
  }

  #spawn(standby?: string): SupervisedChild {
    const child = this.#shell.spawnSelf(
      this.#shell.arguments.filter((argument) => argument !== SUPERVISE_FLAG),
      standby,
    )
    child.onMessage((value) => {
      const message = decodeDaemonMessage(value)
      if (message !== undefined && child === this.#child) this.handle({ kind: 'message', message })
    })
    void child.exited.then(({ code, signal }) => {
      if (child === this.#standby) {
        this.#standby = undefined
        this.#report(
          'the daemon that was held ready ended; the next one is started after a restart',
        )
      }
      if (child !== this.#child) return
      this.#child = undefined
      this.handle({ kind: 'exited', code, signal })
    })
    return child
  }

  #after(ms: number, event: SupervisorEvent): void {
    void this.#clock.sleep(ms, this.#timers.signal).then(
      () => {
        this.handle(event)
      },
      () => undefined,
    )
  }

  /** The form of the daemon's own messages: words on a terminal, JSON lines elsewhere. */
  #report(text: string): void {
    const { err, pid } = this.#shell
    const time = this.#clock.now()
    const line = { level: 40, time, pid, name: 'supervisor', msg: text }
    err.write(err.terminal ? `millrace supervisor: ${text}\n` : `${JSON.stringify(line)}\n`)
  }
}
