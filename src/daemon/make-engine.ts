/**
 * The engine of a daemon: its team are processes of their own, its settings come from the
 * configuration.
 */
import { Engine } from '../engine/engine.ts'
import type { EngineHandle, EngineParts } from './engine-handle.ts'
import { makeTeam } from './make-team.ts'

export function makeEngine(parts: EngineParts): EngineHandle {
  const { host, settings, params, workingDirectory, drop, log } = parts
  return new Engine({
    host,
    directory: settings.dataDir,
    workingDirectory,
    settings: { ...settings, failFast: false },
    drop,
    log,
    adminUrl: parts.adminUrl,
    onPrint: (text) => {
      parts.onPrint(text)
    },
    onOwned: () => parts.bundle.store(),
    newTeam: ({ logDirectory, onRestart }) =>
      makeTeam({
        host,
        settings,
        params,
        program: {
          bundle: parts.bundle.url,
          exportName: parts.exportName,
          code: parts.bundle.code,
        },
        workingDirectory,
        logDirectory,
        onOutput: (name, stream, line) => {
          parts.onProgramOutput(name, stream, line)
        },
        onRestart: (rank, reason) => {
          log.warn({ executor: rank, ...reason }, 'an executor is replaced')
          onRestart()
        },
      }),
  })
}
