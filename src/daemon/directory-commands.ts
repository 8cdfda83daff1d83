/** Commands that work on a data directory: `inspect`, `verify`, `repair`, `backup`, `restore`. */
import type { Command } from 'commander'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'

/** What commands work with. */
export interface CommandMeans {
  readonly shell: Shell
  readonly host: Host
}
/** Takes the exit code. */
export type Done = (code: number) => void

interface Options {
  readonly json?: boolean
  readonly to?: string
  readonly dryRun?: boolean
  readonly acceptLoss?: boolean
}

export function addDirectoryCommands(
  command: Command,
  { shell, host }: CommandMeans,
  done: Done,
): void {
  directoryCommand(command, 'inspect', 'Show what a data directory holds.').action(
    async (directory: string, { json = false }: Options) => {
      const { inspect } = await import('./inspect.ts')
      done(await inspect(shell, host, { directory, json }))
    },
  )
  directoryCommand(
    command,
    'verify',
    'Read every byte of a data directory and say what it means. Changes nothing.',
  ).action(async (directory: string, { json = false }: Options) => {
    const { verify } = await import('./verify.ts')
    done(await verify(shell, host, { directory, json }))
  })
  directoryCommand(
    command,
    'repair',
    'Mend a damaged data directory as far as its bytes allow. The originals are kept beside.',
  )
    .option('--dry-run', 'say what it would do, and change nothing')
    .option('--accept-loss', 'also cut out what is damaged and cannot be replaced')
    .action(async (directory: string, options: Options) => {
      const { json = false, dryRun = false, acceptLoss = false } = options
      const { repair } = await import('./repair.ts')
      done(await repair(shell, host, { directory, json, dryRun, acceptLoss }))
    })
  directoryCommand(
    command,
    'backup',
    'Write a consistent copy of a data directory, beside a running server or without one.',
  )
    .requiredOption('--to <target>', 'the backup: a directory that does not exist yet')
    .action(async (directory: string, { json = false, to = '' }: Options) => {
      const { backup } = await import('./backup.ts')
      done(await backup(shell, host, { directory, target: to, json }))
    })
  command
    .command('restore')
    .description('Make a data directory of a backup. Every digest is compared.')
    .argument('<backup>', 'the backup')
    .requiredOption('--to <directory>', 'the data directory: it must not exist yet')
    .option('--json', 'as JSON')
    .action(async (backup: string, { json = false, to = '' }: Options) => {
      const { restore } = await import('./restore.ts')
      done(await restore(shell, host, { backup, target: to, json }))
    })
}

function directoryCommand(command: Command, name: string, description: string): Command {
  return command
    .command(name)
    .description(description)
    .argument('<directory>', 'the data directory')
    .option('--json', 'as JSON')
}
