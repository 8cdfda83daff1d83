/**
 * `millrace run`: from configuration to a server that runs until it is told to stop or cannot go
 * on.
 *
 * Nothing is written into a directory that is not ours: it is looked at before the bundle is put
 * there. The port is taken before the directory, so that a start that must fail fails early. A
 * signal stops gracefully, within `stopTimeoutMs`; a second one ends the process at once, which
 * loses nothing: the next start goes on from what is on disk.
 */
import { directoryLayout, examineDirectory } from '../engine/directory.ts'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import type { AdminServer, StartAdminServer } from './admin-port.ts'
import { banner, type BannerFacts } from './banner.ts'
import { bundleProgram } from './bundle.ts'
import type { Bundle } from './bundle.ts'
import { pruneBundles } from './bundle-store.ts'
import type { Config } from './config.ts'
import type { EngineHandle, MakeEngine } from './engine-handle.ts'
import { EXIT } from './exit-codes.ts'
import { hintsOf } from './hints.ts'
import { createLogger } from './logger.ts'
import type { Logger } from './logger.ts'
import { endWithSupervisor, tellSupervisor } from './supervised.ts'
import { VERSION } from './version.ts'

export interface RunOptions {
  readonly program: string
  /** Which export of the program to run; the default export when it is not given. */
  readonly exportName: string | undefined
  readonly drop: readonly string[]
  readonly config: Config
}

/** What a run is put together from. */
export interface RunParts {
  readonly makeEngine: MakeEngine
  readonly startAdminServer: StartAdminServer
}

/** Time beyond `stopTimeoutMs` for closing what is open. */
const STOP_GRACE_MS = 3000
/** The last words may take so long to be read. */
const FLUSH_MS = 1000

/** Resolves with the exit code; throws what refused the start or made the engine fail. */
export async function run(
  shell: Shell,
  host: Host,
  { makeEngine, startAdminServer }: RunParts,
  options: RunOptions,
): Promise<number> {
  const { settings, params } = options.config
  endWithSupervisor(shell)
  const log = await createLogger(shell, settings.logLevel)
  const stop = new StopRequest(shell)
  try {
    const state = await examineDirectory(host.fs, settings.dataDir)
    log.debug({ dataDir: settings.dataDir, state: state.kind }, 'looked at the data directory')
    let engine: EngineHandle | undefined
    const listening = startAdminServer({
      ...settings.admin,
      clock: host.clock,
      engine: () => engine,
    })
    // The bundler is a process of its own: it works while the admin server is loaded here.
    const bundling = bundleProgram(host.fs, {
      program: options.program,
      workingDirectory: shell.workingDirectory,
      directory: directoryLayout(settings.dataDir).programs,
    })
    await Promise.allSettled([listening, bundling])
    const admin = await listening
    try {
      const bundle = await bundling
      // Nothing has begun: there is nothing to stop.
      if (stop.requested) return EXIT.ok
      engine = makeEngine({
        host,
        settings,
        params,
        bundle,
        exportName: options.exportName,
        workingDirectory: shell.workingDirectory,
        drop: options.drop,
        log,
        adminUrl: admin.url,
        onPrint: (text) => {
          shell.out.write(text)
        },
        onProgramOutput: (name, stream, line) => {
          if (stream === 'stdout') shell.out.write(`${line}\n`)
          else log.warn({ process: name }, line)
        },
      })
      const facts = factsOf(shell, options, bundle, admin)
      announceStart(shell, log, facts)
      return await serve(shell, host, engine, settings, stop, log, { bundle, facts })
    } finally {
      await admin.close()
    }
  } finally {
    stop.close()
  }
}

async function serve(
  shell: Shell,
  host: Host,
  engine: EngineHandle,
  settings: Config['settings'],
  stop: StopRequest,
  log: Logger,
  { bundle, facts }: { readonly bundle: Bundle; readonly facts: BannerFacts },
): Promise<number> {
  const forget = tellSupervisor(shell, host.clock, engine, settings)
  try {
    const started = engine.start().then(() => 'started' as const)
    const first = await Promise.race([started, stop.first])
    if (first === 'started') {
      announceRunning(shell, log, engine, facts)
      await pruneBundles(host.fs, directoryLayout(settings.dataDir).programs, bundle)
      await Promise.race([engine.terminated(), stop.first])
    }
    if (!stop.requested) return EXIT.ok
    return await stopEngine(shell, host, engine, settings.stopTimeoutMs, stop, log, started)
  } finally {
    forget()
  }
}

async function stopEngine(
  shell: Shell,
  host: Host,
  engine: EngineHandle,
  timeoutMs: number,
  stop: StopRequest,
  log: Logger,
  started: Promise<unknown>,
): Promise<number> {
  log.info({ timeoutMs }, 'stopping; a second signal ends the server at once')
  const timer = new AbortController()
  const late = host.clock.sleep(timeoutMs + STOP_GRACE_MS, timer.signal).then(
    () => 'late' as const,
    () => 'stopped' as const,
  )
  // A start that was broken off by the stop has nothing more to say; a failure is told by the stop
  // itself.
  started.catch(() => undefined)
  const stopped = engine.stop({ graceful: true, timeoutMs }).then(() => 'stopped' as const)
  try {
    const how = await Promise.race([stopped, late, stop.second])
    if (how === 'stopped') {
      await engine.terminated()
      return EXIT.ok
    }
    log.warn({ why: how }, 'ending at once; what is unfinished runs at the next start')
    await shell.err.flush(FLUSH_MS)
    return shell.exit(EXIT.hurried)
  } finally {
    timer.abort()
  }
}

function factsOf(
  shell: Shell,
  { program, config }: RunOptions,
  { digest }: Bundle,
  { url }: AdminServer,
): BannerFacts {
  return {
    version: VERSION,
    program,
    digest,
    dataDir: config.settings.dataDir,
    adminUrl: url,
    executors: config.settings.executors,
    pid: shell.pid,
    supervisorPid: shell.supervisor?.pid,
  }
}

/** One line before anything can refuse: which process it is, and what it works on. */
function announceStart(shell: Shell, log: Logger, { adminUrl, dataDir }: BannerFacts): void {
  if (shell.err.terminal) {
    shell.err.write(`millrace: starting, process ${String(shell.pid)}, data in ${dataDir}\n`)
  } else log.info({ dataDir, adminUrl }, 'starting')
}

/** The start is through. */
function announceRunning(
  shell: Shell,
  log: Logger,
  engine: EngineHandle,
  facts: BannerFacts,
): void {
  const hints = hintsOf(engine.status(), facts.adminUrl)
  if (shell.err.terminal) shell.err.write(banner(facts, hints))
  else log.info({ ...facts, pid: undefined, try: hints }, 'started')
}

/** The wishes to stop, first and second, whoever utters them. */
class StopRequest {
  readonly first: Promise<'stop'>
  readonly second: Promise<'hurry'>
  #count = 0
  readonly #forget: () => void

  constructor(shell: Pick<Shell, 'onSignal'>) {
    const resolvers: (() => void)[] = []
    this.first = new Promise((resolve) => {
      resolvers.push(() => {
        resolve('stop')
      })
    })
    this.second = new Promise((resolve) => {
      resolvers.push(() => {
        resolve('hurry')
      })
    })
    this.#forget = shell.onSignal(() => {
      resolvers[this.#count]?.()
      this.#count += 1
    })
  }

  get requested(): boolean {
    return this.#count > 0
  }

  close(): void {
    this.#forget()
  }
}
