/**
 * `millrace run --supervise`: a small parent that starts the daemon, hears of its commits, and
 * starts it again when it dies. All decisions are the machine's (`supervisor-machine.ts`); here
 * they are carried out. It loads neither engine nor configuration, so it starts fast and has little
 * to fail with. If it dies itself, the daemon ends at once.
 */
import type { Clock } from '../host/host.ts'
import type { Shell, SupervisedChild } from '../host/shell.ts'
import { startSupervisor, superviseStep } from './supervisor-machine.ts'
import type { SupervisorAction, SupervisorEvent, SupervisorStep } from './supervisor-machine.ts'
import { decodeDaemonMessage } from './supervision.ts'

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
  }

  #act(action: SupervisorAction): void {
    switch (action.kind) {
      case 'spawn':
        this.#spawn()
        return
      case 'wait':
        this.#after(action.ms, { kind: 'backoffOver' })
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

  #spawn(): void {
    const child = this.#shell.spawnSelf(
      this.#shell.arguments.filter((argument) => argument !== SUPERVISE_FLAG),
    )
    this.#child = child
    child.onMessage((value) => {
      const message = decodeDaemonMessage(value)
      if (message !== undefined) this.handle({ kind: 'message', message })
    })
    void child.exited.then(({ code, signal }) => {
      this.#child = undefined
      this.handle({ kind: 'exited', code, signal })
    })
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
