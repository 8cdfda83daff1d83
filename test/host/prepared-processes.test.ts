/** Processes started before they are asked for: who gets them, and what becomes of the others. */
import { describe, expect, it } from 'vitest'
import type { ChildProcess, Exit, Processes, SpawnOptions } from '../../src/host/host.ts'
import { ManualClock } from '../../src/host/manual-clock.ts'
import { memoryChannels } from '../../src/host/memory-channel.ts'
import { MemoryFileSystem } from '../../src/host/memory-file-system.ts'
import { PreparedProcesses } from '../../src/host/prepared-processes.ts'

interface Spawned {
  readonly options: SpawnOptions
  readonly child: ChildProcess
  readonly kills: string[]
  die(): void
}

function world() {
  const spawned: Spawned[] = []
  const clock = new ManualClock(0)
  const fs = new MemoryFileSystem()
  const spawn = (options: SpawnOptions): ChildProcess => {
    let end: (exit: Exit) => void = () => undefined
    const kills: string[] = []
    const child: ChildProcess = {
      pid: spawned.length,
      channel: memoryChannels()[0],
      exited: new Promise((resolve) => {
        end = resolve
      }),
      kill: (signal) => {
        kills.push(signal)
      },
    }
    const die = (): void => {
      end({ code: null, signal: 'SIGKILL' })
    }
    spawned.push({ options, child, kills, die })
    return child
  }
  let directories = 0
  const privateDirectory = async (): Promise<string> => {
    const path = `/tmp-${String(directories++)}`
    await fs.makeDirectory(path)
    return path
  }
  const processes = new PreparedProcesses({
    ...{ clock, fs },
    processes: { pid: 7, spawn, privateDirectory },
  })
  // As hosts are put together of others.
  const spread: Processes = Object.assign({}, processes)
  expect(spread.spawn).toBe(processes.spawn)
  return { spawned, clock, fs, processes }
}

const executor = (rank: number, memoryMegabytes = 64) => ({
  name: `executor ${String(rank)}`,
  module: 'file:///executor.js',
  argument: null,
  memoryMegabytes,
})
const quiet = { onOutput: () => undefined }

describe('prepared processes', () => {
  it('are handed to whoever asks for just them, once, with what they said', () => {
    const { processes, spawned } = world()
    processes.prepare(executor(0))
    processes.prepare(executor(1))
    spawned[1]?.options.onOutput('stderr', 'early')
    const lines: string[] = []
    const onOutput = (_stream: string, line: string): void => {
      lines.push(line)
    }
    expect(processes.spawn({ ...executor(1), onOutput })).toBe(spawned[1]?.child)
    spawned[1]?.options.onOutput('stdout', 'later')
    expect(lines).toEqual(['early', 'later'])
    expect(processes.spawn({ ...executor(1), ...quiet })).toBe(spawned[2]?.child)
  })

  it('are ended when something else is asked for: the configuration is another', () => {
    const { processes, spawned } = world()
    processes.prepare(executor(0))
    processes.prepare(executor(1))
    expect(processes.spawn({ ...executor(0, 128), ...quiet })).toBe(spawned[2]?.child)
    expect(spawned.map(({ kills }) => kills)).toEqual([['SIGKILL'], ['SIGKILL'], []])
    expect(processes.spawn({ ...executor(1), ...quiet })).toBe(spawned[3]?.child)
  })

  it('are ended a while after the first was taken when nobody asks for them', async () => {
    const { clock, processes, spawned } = world()
    processes.prepare(executor(0))
    processes.prepare(executor(1))
    processes.spawn({ ...executor(0), ...quiet })
    await clock.advance(9999)
    expect(spawned[1]?.kills).toEqual([])
    await clock.advance(1)
    expect(spawned.map(({ kills }) => kills)).toEqual([[], ['SIGKILL']])
  })

  it('are started anew when they died meanwhile', async () => {
    const { processes, spawned } = world()
    processes.prepare(executor(0))
    spawned[0]?.die()
    await Promise.resolve()
    expect(processes.spawn({ ...executor(0), ...quiet })).toBe(spawned[1]?.child)
  })

  it('share a directory that is handed out once, while it is still there', async () => {
    const { fs, processes } = world()
    const first = await processes.prepareDirectory()
    expect(await processes.prepareDirectory()).toBe(first)
    expect(await processes.privateDirectory()).toBe(first)
    const second = await processes.prepareDirectory()
    expect(second).not.toBe(first)
    await fs.remove(second)
    expect(await processes.privateDirectory()).not.toBe(second)
  })
})
