/**
 * Child processes that run a module of ours, with a pipe of messages on file descriptor 3
 * (`node-child.ts` is the other end) and their output as lines.
 *
 * What a crash of this process leaves: children, for as long as their watch needs to see it
 * (`node-child.ts`: they remove their scratch directory and kill themselves).
 */
import { type ChildProcess as NodeChild, spawn as spawnProcess } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { present } from '../base/assert.ts'
import type { ChildProcess, Exit, Processes, SpawnOptions } from './host.ts'
import { LineSplitter } from './line-splitter.ts'
import { socketChannel } from './node-channel.ts'

/**
 * Environment variables by which a child knows whose child it is, and what to remove when that one
 * died.
 */
export const PARENT_VARIABLE = 'MILLRACE_PARENT_PID'
export const SCRATCH_VARIABLE = 'MILLRACE_SCRATCH'

/**
 * How long the last output of a process that ended is waited for: a grandchild may hold the pipe
 * open.
 */
const OUTPUT_GRACE_MS = 1000

export const nodeProcesses: Processes = {
  pid: process.pid,
  spawn,
  privateDirectory,
}

function spawn(options: SpawnOptions): ChildProcess {
  const memory = options.memoryMegabytes
  const flags = [
    '--enable-source-maps',
    ...(memory === undefined ? [] : [`--max-old-space-size=${String(memory)}`]),
  ]
  const child = spawnProcess(
    process.execPath,
    [...flags, fileURLToPath(options.module), JSON.stringify(options.argument ?? null)],
    {
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      env: {
        ...process.env,
        ...options.environment,
        [PARENT_VARIABLE]: String(process.pid),
        [SCRATCH_VARIABLE]: options.scratch ?? '',
      },
      argv0: options.name,
    },
  )
  forwardLines(child.stdout, (line) => {
    options.onOutput('stdout', line)
  })
  forwardLines(child.stderr, (line) => {
    options.onOutput('stderr', line)
  })
  const pipe = child.stdio[3]
  return {
    pid: child.pid ?? -1,
    channel: socketChannel(present(pipe instanceof Socket ? pipe : undefined, 'pipe to a child')),
    exited: exitOf(child, options.onOutput),
    kill(signal) {
      child.kill(signal)
    },
  }
}

function exitOf(child: NodeChild, onOutput: SpawnOptions['onOutput']): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error) => {
      // A signal that could not be sent is no end; a process that could not be started is.
      if (child.pid !== undefined) return
      onOutput('stderr', `cannot start a process: ${error.message}`)
      resolve({ code: null, signal: null })
    })
    child.once('exit', (code, signal) => {
      // After the wait one more look at the pipes: on a busy machine the timer may be up before
      // they were ever read.
      const timer = setTimeout(() => setImmediate(() => setImmediate(done)), OUTPUT_GRACE_MS)
      child.once('close', done)
      function done(): void {
        clearTimeout(timer)
        resolve({ code, signal })
      }
    })
  })
}

function forwardLines(stream: Readable | null, onLine: (line: string) => void): void {
  const splitter = new LineSplitter(onLine)
  stream?.setEncoding('utf8')
  stream?.on('data', (text: string) => {
    splitter.push(text)
  })
  stream?.on('end', () => {
    splitter.end()
  })
}

async function privateDirectory(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'millrace-'))
}
