/**
 * The command: `millrace run | plan`, and those of `directory-commands.ts`. Each is loaded when it
 * is asked for.
 * Options of `run` and `plan` are the table of settings. Every refusal is one message and an exit
 * code (`exit-codes.ts`).
 */
import { Command, CommanderError } from 'commander'
import type { Host } from '../host/host.ts'
import type { Shell } from '../host/shell.ts'
import { EXIT } from './exit-codes.ts'
import { namingProgram, refuse } from './refusal.ts'
import type { StartAdminServer } from './admin-port.ts'
import type { CommandMeans, Done } from './directory-commands.ts'
import { collectTexts } from './collect-texts.ts'
import { SUPERVISE_FLAG } from './supervise.ts'
import { VERSION } from './version.ts'

/** Runs the command of the shell's arguments; resolves with the exit code. */
export async function commandLine(
  shell: Shell,
  host: Host,
  startAdminServer: StartAdminServer,
): Promise<number> {
  let code: number = EXIT.ok
  const done = (result: number): void => {
    code = result
  }
  const command = await buildCommand({ shell, host, startAdminServer }, done)
  try {
    await command.parseAsync([...shell.arguments], { from: 'user' })
    return code
  } catch (error) {
    // Its message has been written already: help, or what is wrong with the arguments.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return refuse(shell.err, error, wantsDebug(shell))
  }
}

const wantsDebug = ({ arguments: args, environment }: Shell): boolean =>
  args.some(
    (arg, i) => arg === '--log-level=debug' || (arg === 'debug' && args[i - 1] === '--log-level'),
  ) || environment['MILLRACE_LOG_LEVEL'] === 'debug'

/** What commands work with. */
interface Means extends CommandMeans {
  readonly startAdminServer: StartAdminServer
}

async function buildCommand(means: Means, done: Done): Promise<Command> {
  const { shell } = means
  const command = new Command('millrace')
    .description(
      'A durable streaming server: runs a TypeScript program over its input, exactly once.',
    )
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError(
      '(millrace --help shows the commands, millrace <command> --help its options)',
    )
    .configureOutput({
      writeOut: (text) => {
        shell.out.write(text)
      },
      writeErr: (text) => {
        shell.err.write(text)
      },
      outputError: (text, write) => {
        write(text.replace(/^error: /, 'millrace: MR_CONFIG_INVALID: '))
      },
    })
  await addProgramCommands(command, means, done)
  const { addDirectoryCommands } = await import('./directory-commands.ts')
  addDirectoryCommands(command, means, done)
  return command
}

async function addProgramCommands(
  command: Command,
  { shell, host, startAdminServer }: Means,
  done: Done,
): Promise<void> {
  const { addSettingOptions, configOf } = await import('./setting-options.ts')
  const run = programCommand(
    command,
    'run',
    'Run a program (.ts or .js) until it is stopped. There is nothing to build.',
  ).option(SUPERVISE_FLAG, 'start it again when it dies')
  addSettingOptions(run).action(async (program: string) => {
    const config = await configOf(run, shell, host)
    const { run: serve } = await import('./run.ts')
    const { makeEngine } = await import('./make-engine.ts')
    done(
      await serve(
        shell,
        host,
        { makeEngine, startAdminServer },
        { program, ...programOptions(run), config },
      ).catch(namingProgram(program)),
    )
  })
  const plan = programCommand(
    command,
    'plan',
    'Show what a program is, and what it would do to the state of its directory. Runs no batch.',
  )
  addSettingOptions(plan).action(async (program: string) => {
    const config = await configOf(plan, shell, host)
    const { plan: show } = await import('./plan.ts')
    const shown = show(shell, host, { program, ...programOptions(plan), config })
    done(await shown.catch(namingProgram(program)))
  })
}

function programCommand(command: Command, name: string, description: string): Command {
  return command
    .command(name)
    .description(description)
    .argument('<program>', 'the program file')
    .option('--export <name>', 'which export of the program, when there are several')
    .option(
      '--drop-state <uid>',
      'drop a state the program no longer has; may be repeated',
      collectTexts,
    )
}

function programOptions(command: Command): {
  readonly exportName: string | undefined
  readonly drop: readonly string[]
} {
  const exportName: unknown = command.getOptionValue('export')
  const drop: unknown = command.getOptionValue('dropState')
  return {
    exportName: typeof exportName === 'string' ? exportName : undefined,
    drop: Array.isArray(drop) ? drop.map(String) : [],
  }
}
