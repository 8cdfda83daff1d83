/** A shell in memory: what was written, signals and supervised children at the test's command. */
import type { Output, Shell, StopSignal, SupervisedChild } from '../../src/host/shell.ts'

export class FakeOutput implements Output {
  readonly terminal: boolean
  readonly droppedBytes = 0
  text = ''

  constructor(terminal = false) {
    this.terminal = terminal
  }

  write(text: string): void {
    this.text += text
  }

  async flush(): Promise<void> {
    await Promise.resolve()
  }
}

export class Exited extends Error {
  readonly code: number

  constructor(code: number) {
    super(`exit ${String(code)}`)
    this.code = code
  }
}

export interface FakeShell extends Shell {
  readonly out: FakeOutput
  readonly err: FakeOutput
  raise(signal: StopSignal): void
  readonly children: FakeChild[]
}

export interface FakeChild {
  readonly arguments: readonly string[]
  /** What it is to hold ready until it is sent a message. */
  readonly standby: string | undefined
  readonly signals: string[]
  readonly messages: unknown[]
  tell(message: unknown): void
  exit(code: number | null, signal?: string): void
}

export function fakeShell(options: Partial<Shell> = {}): FakeShell {
  const listeners = new Set<(signal: StopSignal) => void>()
  const children: FakeChild[] = []
  return {
    arguments: [],
    environment: {},
    workingDirectory: '/',
    processors: 2,
    pid: 4242,
    supervisor: undefined,
    ...options,
    out: new FakeOutput(),
    err: new FakeOutput(),
    children,
    onSignal: (f) => {
      listeners.add(f)
      return () => listeners.delete(f)
    },
    onUncaught: () => () => undefined,
    raise: (signal) => {
      for (const f of listeners) f(signal)
    },
    spawnSelf: (args, standby) => {
      const { child, fake } = fakeChild(args, standby)
      children.push(fake)
      return child
    },
    exit: (code) => {
      throw new Exited(code)
    },
  }
}

function fakeChild(
  args: readonly string[],
  standby: string | undefined,
): { child: SupervisedChild; fake: FakeChild } {
  const messages: unknown[] = []
  const signals: string[] = []
  let tell: (message: unknown) => void = () => undefined
  let end: (exit: { code: number | null; signal: string | null }) => void = () => undefined
  const child: SupervisedChild = {
    pid: 1,
    onMessage: (f) => {
      tell = f
    },
    send: (message) => {
      messages.push(message)
    },
    signal: (signal) => {
      signals.push(signal)
    },
    exited: new Promise((resolve) => {
      end = resolve
    }),
  }
  const fake: FakeChild = {
    arguments: args,
    standby,
    signals,
    messages,
    tell: (message) => {
      tell(message)
    },
    exit: (code, signal) => {
      end({ code, signal: signal ?? null })
    },
  }
  return { child, fake }
}
