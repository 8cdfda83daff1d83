/** The shell of a real process. */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { NodeOutput } from './node-output.ts'
import type { Shell, StopSignal, SupervisedChild, SupervisorLink } from './shell.ts'

/** `module`: the file that this process runs, for `spawnSelf`. */
export function nodeShell(module: string): Shell {
  return {
    arguments: process.argv.slice(2),
    environment: process.env,
    workingDirectory: process.cwd(),
    processors: availableParallelism(),
    pid: process.pid,
    out: new NodeOutput(1),
    err: new NodeOutput(2),
    onSignal,
    onUncaught,
    supervisor: supervisorLink(),
    spawnSelf: (argumentsOfIt, standby) => spawnSelf(module, argumentsOfIt, standby),
    exit: (code) => process.exit(code),
  }
}

/**
 * What a terminal or `timeout` sends to the group and a parent such as npm passes on besides is one
 * wish.
 */
const SAME_SIGNAL_MS = 500

function onSignal(f: (signal: StopSignal) => void): () => void {
  let last = -Infinity
  const once = (signal: StopSignal): void => {
    const now = performance.now()
    if (now - last < SAME_SIGNAL_MS) return
    last = now
    f(signal)
  }
  process.on('SIGTERM', once)
  process.on('SIGINT', once)
  return () => {
    process.off('SIGTERM', once)
    process.off('SIGINT', once)
  }
}

function onUncaught(f: (error: unknown) => void): () => void {
  process.on('uncaughtException', f)
  process.on('unhandledRejection', f)
  return () => {
    process.off('uncaughtException', f)
    process.off('unhandledRejection', f)
  }
}

/** What a process that waits to take over is to hold ready. */
const STANDBY_VARIABLE = 'MILLRACE_STANDBY'

function supervisorLink(): SupervisorLink | undefined {
  const standby = process.env[STANDBY_VARIABLE]
  // It is between these two processes: neither configuration nor children see it.
  Reflect.deleteProperty(process.env, STANDBY_VARIABLE)
  if (process.send === undefined) return undefined
  // Watching the parent must not keep this process alive.
  process.channel?.unref()
  return {
    pid: process.ppid,
    standby,
    send: (message) => {
      // A parent that just died is told about by `onGone`.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
    },
    heard: () => {
      process.channel?.ref()
      return new Promise((resolve) => {
        process.once('message', (message) => {
          process.channel?.unref()
          resolve(message)
        })
      })
    },
    onGone: (f) => {
      if (process.connected) process.once('disconnect', f)
      else f()
    },
  }
}

/**
 * A process group of its own keeps the terminal's Ctrl-C from reaching the child beside the
 * supervisor's own signal, which would count as a second one.
 */
function spawnSelf(
  module: string,
  argumentsOfIt: readonly string[],
  standby: string | undefined,
): SupervisedChild {
  const child = spawn(process.execPath, [...process.execArgv, module, ...argumentsOfIt], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
    env: standby === undefined ? process.env : { ...process.env, [STANDBY_VARIABLE]: standby },
  })
  return {
    pid: child.pid,
    onMessage: (f) => {
      child.on('message', f)
    },
    send: (message) => {
      // One that just died is told about by `exited`.
      if (child.connected) child.send(message, () => undefined)
    },
    signal: (signal) => {
      child.kill(signal)
    },
    exited: new Promise((resolve) => {
      child.once('error', () => {
        if (child.pid === undefined) resolve({ code: null, signal: null })
      })
      child.once('exit', (code, signal) => {
        resolve({ code, signal })
      })
    }),
  }
}
