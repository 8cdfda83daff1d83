/**
 * The child's end of a process: its messages on file descriptor 3, its argument, and the rule that
 * it never outlives its parent.
 *
 * Two things end a child whose parent died: its pipe closes, which a program that loops for ever
 * never notices, and a thread of its own that sees the parent's process id change and kills the
 * process. The thread has its own heap and event loop, so neither a loop nor a full heap of the
 * program stops it.
 *
 * The scratch directory is shared with siblings: it is removed only when the parent is gone. A
 * child whose pipe breaks while its parent lives (its program wrote to file descriptor 3) just
 * ends.
 */
import { rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { MillraceError } from '../base/errors.ts'
import type { Channel } from './host.ts'
import { socketChannel } from './node-channel.ts'
import { PARENT_VARIABLE, SCRATCH_VARIABLE } from './node-processes.ts'

const CHANNEL_FD = 3
/** How long a child may live after its parent, at most, in ms (plus a turn of the scheduler). */
const WATCH_PERIOD_MS = 250
/** How often a child whose pipe closed looks whether its parent is gone, in ms. */
const LOOK_PERIOD_MS = 10

/** Runs in the watching thread. A child that was given to another parent has lost its own. */
const WATCH = `
  const { parent, period, scratch } = require('node:worker_threads').workerData
  setInterval(() => {
    if (process.ppid === parent) return
    if (scratch !== '') require('node:fs').rmSync(scratch, { recursive: true, force: true })
    process.kill(process.pid, 'SIGKILL')
  }, period)
`

export interface ChildEnd {
  readonly channel: Channel
  /** What `spawn` was given as `argument`. */
  readonly argument: unknown
  /** Called once with an error that nobody caught; afterwards the process ends with code 1. */
  onCrash(f: (error: unknown) => void): void
  exit(code: number): void
}

/** Takes up the child's end; to be called once, first thing. */
export function childEnd(): ChildEnd {
  const parent = Number(process.env[PARENT_VARIABLE])
  if (!Number.isSafeInteger(parent)) {
    throw new MillraceError('MR_PROTOCOL', 'this file is started by millrace, not by hand')
  }
  const scratch = process.env[SCRATCH_VARIABLE] ?? ''
  watch(parent, scratch)
  // Ctrl-C and a service manager's SIGTERM reach the whole group: when a child ends is its parent's
  // to say.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
  let crashed: ((error: unknown) => void) | undefined
  process.on('uncaughtException', (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? '') : String(error)}\n`)
    crashed?.(error)
    process.exit(1)
  })
  const channel = socketChannel(new Socket({ fd: CHANNEL_FD, readable: true, writable: true }))
  channel.onClose(() => {
    if (scratch !== '' && parentEnds(parent)) rmSync(scratch, { recursive: true, force: true })
    process.exit(1)
  })
  const argument: unknown = JSON.parse(process.argv[2] ?? 'null')
  return {
    channel,
    argument,
    onCrash(f) {
      crashed = f
    },
    exit(code) {
      process.exit(code)
    },
  }
}

/**
 * Whether the parent is gone, looked at for one watch period: the kernel closes the pipes of a
 * dying process shortly before it gives its children away. Blocks, so that the program does no more
 * work meanwhile.
 */
function parentEnds(parent: number): boolean {
  const never = new Int32Array(new SharedArrayBuffer(4))
  for (let ms = 0; ms < WATCH_PERIOD_MS && process.ppid === parent; ms += LOOK_PERIOD_MS) {
    Atomics.wait(never, 0, 0, LOOK_PERIOD_MS)
  }
  return process.ppid !== parent
}

function watch(parent: number, scratch: string): void {
  const thread = new Worker(WATCH, {
    eval: true,
    workerData: { parent, period: WATCH_PERIOD_MS, scratch },
    resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, stackSizeMb: 1 },
  })
  thread.unref()
}
