/**
 * Processes that were started before they are asked for. Whoever spawns what was prepared, option
 * for option, is handed the process that runs already; anything else is started as ever, and shows
 * that the preparation was for another configuration: the rest of it is ended.
 */
import type { ChildProcess, Host, Processes, SpawnOptions } from './host.ts'

/** What is prepared; its output is told to whoever takes it. */
export type Preparation = Omit<SpawnOptions, 'onOutput'>

interface Prepared {
  readonly preparation: Preparation
  readonly child: ChildProcess
  readonly take: (onOutput: SpawnOptions['onOutput']) => ChildProcess
  alive: boolean
}

/** After the first was taken, what nobody asked for in so many ms is ended. */
const LEFT_OVER_MS = 10_000
/** Lines of output that are kept for whoever takes a process; it says nothing before its work. */
const EARLY_LINES_MAX = 100

export class PreparedProcesses implements Processes {
  readonly pid: number
  readonly #host: Pick<Host, 'processes' | 'fs' | 'clock'>
  #prepared: Prepared[] = []
  #directory: string | undefined
  #timed = false

  constructor(host: Pick<Host, 'processes' | 'fs' | 'clock'>) {
    this.pid = host.processes.pid
    this.#host = host
  }

  /** A directory that the next call of `privateDirectory` hands out. */
  async prepareDirectory(): Promise<string> {
    this.#directory ??= await this.#host.processes.privateDirectory()
    return this.#directory
  }

  prepare(preparation: Preparation): void {
    const early: (readonly ['stdout' | 'stderr', string])[] = []
    let listener: SpawnOptions['onOutput'] = (stream, line) => {
      if (early.length < EARLY_LINES_MAX) early.push([stream, line])
    }
    const child = this.#host.processes.spawn({
      ...preparation,
      onOutput: (stream, line) => {
        listener(stream, line)
      },
    })
    const take = (onOutput: SpawnOptions['onOutput']): ChildProcess => {
      listener = onOutput
      for (const [stream, line] of early) onOutput(stream, line)
      return child
    }
    const prepared: Prepared = { preparation, child, take, alive: true }
    this.#prepared.push(prepared)
    void child.exited.then(() => {
      prepared.alive = false
    })
  }

  /** This and `privateDirectory` are own properties: hosts are put together by spreading. */
  readonly spawn = (options: SpawnOptions): ChildProcess => {
    const found = this.#prepared.find(({ preparation }) => isSame(preparation, options))
    this.#prepared = this.#prepared.filter((one) => one !== found)
    if (found === undefined) this.#endRest()
    else this.#endRestLater()
    return found?.alive === true
      ? found.take(options.onOutput)
      : this.#host.processes.spawn(options)
  }

  readonly privateDirectory = async (): Promise<string> => {
    const directory = this.#directory
    this.#directory = undefined
    // Cleaners of temporary files may have removed it meanwhile.
    const there = directory !== undefined && (await this.#host.fs.stat(directory)) !== undefined
    return there ? directory : await this.#host.processes.privateDirectory()
  }

  #endRest(): void {
    for (const { child } of this.#prepared) child.kill('SIGKILL')
    this.#prepared = []
  }

  #endRestLater(): void {
    if (this.#timed || this.#prepared.length === 0) return
    this.#timed = true
    void this.#host.clock.sleep(LEFT_OVER_MS).then(() => {
      this.#endRest()
    })
  }
}

const isSame = (prepared: Preparation, asked: Preparation): boolean =>
  textOf(prepared) === textOf(asked)

function textOf(preparation: Preparation): string {
  const { name, module, argument, memoryMegabytes, environment, scratch } = preparation
  return JSON.stringify([name, module, argument, memoryMegabytes, environment, scratch])
}
